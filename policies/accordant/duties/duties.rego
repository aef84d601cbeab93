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
} else := count([moment |
	some moment in array.concat([first], _counting(document, clause))
	moment > request.at
]) == 0

# METADATA
# description: the instants at which an acknowledgement begins to count, or the duty is overdue
moments(document, clause, first) := [first] if {
	input.facts.acknowledged == []
} else := array.concat([first], array.concat(
	[moment |
		some day in _acknowledged(document, clause)
		moment := _start(document, day)
	],
	[moment |
		some day in _acknowledged(document, clause)
		moment := _overdue_from(document, clause, day)
	],
))

_counting(document, clause) := [moment |
	some day in _acknowledged(document, clause)
	_start(document, day) <= request.at
	moment := _overdue_from(document, clause, day)
]

# The days after the effective day, up to the last, on which the requester acknowledged.
_acknowledged(document, clause) := [fact.on |
	some fact in input.facts.acknowledged
	fact.party == request.party
	fact.clause == clause
	fact.mou == data.accordant.documents[document].id
	fact.on > data.accordant.documents[document].first_day
	fact.on <= data.accordant.documents[document].last_day
]

_start(document, day) := days.start(days.ordinal(date[0], date[1], date[2]), data.accordant.documents[document].offsets) if {
	date := days.parse(day)
}

# The day after the grace, which begins when the period has run out.
_overdue_from(document, clause, day) := days.start(graced + 1, data.accordant.documents[document].offsets) if {
	duty := data.accordant.documents[document].acknowledgements[clause]
	due := days.after(days.parse(day), duty.every)
	graced := days.after(days.date(due), duty.grace)
}
