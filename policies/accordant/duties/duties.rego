# METADATA
# title: Duties
# description: >
#   An acknowledgement with a period is reckoned from the days on which it was given; every other duty is overdue when
#   a recorded fact says so (language, *Acknowledgement*).
package accordant.duties

import data.accordant.days
import data.accordant.request

# METADATA
# description: a recorded fact says that the requester is overdue with this duty
recorded_overdue(mou, clause) := false if {
	input.facts.overdue == []
} else := count([fact |
	some fact in input.facts.overdue
	fact.mou == mou
	fact.clause == clause
	fact.party == request.party
]) > 0

# METADATA
# description: >
#   The period and the grace after the last acknowledgement have run out; `first` is when they do after the effective day.
acknowledgement_overdue(document, clause, first) := request.at >= first if {
	input.facts.acknowledged == []
} else := request.at >= max(array.concat([first], counting)) if {
	counting := [overdue |
		some [start, overdue] in _spans(document, clause)
		start <= request.at
	]
}

# METADATA
# description: >
#   The instants between two others at which an acknowledgement of the requester begins to count, or the duty would be
#   overdue after one.
moments(document, clause, start, end) := [] if {
	input.facts.acknowledged == []
} else := [moment |
	some span in _spans(document, clause)
	some moment in span
	moment > start
	moment < end
]

# For each day after the effective day, up to the last, on which the requester acknowledged: the instant at which it
# begins, and the one at which the duty is overdue, the day after the grace that begins when the period has run out.
_spans(document, clause) := [span |
	some day in given
	span := _span(day, period, grace, offsets)
] if {
	first := data.accordant.documents[document].first_day
	last := data.accordant.documents[document].last_day
	given := _within(_given(data.accordant.documents[document].id, clause), first, last)
	period := data.accordant.documents[document].acknowledgements[clause].every
	grace := data.accordant.documents[document].acknowledgements[clause].grace
	offsets := data.accordant.documents[document].offsets
}

_given(mou, clause) := [fact.on |
	some fact in input.facts.acknowledged
	fact.mou == mou
	fact.clause == clause
	fact.party == request.party
]

_within(given, first, last) := [day |
	some day in given
	day > first
	day <= last
]

_span(day, period, grace, offsets) := [days.start(days.ordinal(date), offsets), days.start(graced + 1, offsets)] if {
	date := days.parse(day)
	due := days.after(date, period)
	graced := days.after(days.date(due), grace)
}
