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
recorded_overdue(mou, clause) := count([fact |
	some fact in input.facts.overdue
	fact.mou == mou.id
	fact.clause == clause
	fact.party == request.party
]) > 0

# METADATA
# description: the period and the grace after the last acknowledgement have run out
acknowledgement_overdue(mou, clause) := request.at >= max(array.concat(
	[mou.acknowledgements[clause].first_overdue],
	[_overdue_from(mou, clause, day) |
		some day in acknowledged(mou, clause)
		days_start(mou, day) <= request.at
	],
))

# METADATA
# description: the days after the effective day, up to the last, on which the requester acknowledged
acknowledged(mou, clause) := [fact.on |
	some fact in input.facts.acknowledged
	fact.mou == mou.id
	fact.clause == clause
	fact.party == request.party
	fact.on > mou.first_day
	fact.on <= mou.last_day
]

# METADATA
# description: the instants at which an acknowledgement begins to count, or would be overdue again
moments(mou, clause) := array.concat(
	[mou.acknowledgements[clause].first_overdue],
	[moment |
		some day in acknowledged(mou, clause)
		some moment in [days_start(mou, day), _overdue_from(mou, clause, day)]
	],
)

# METADATA
# description: the first instant of a day in the document's zone
days_start(mou, day) := days.start(days.ordinal(year, month, date), mou.offsets) if [year, month, date] := days.parse(day)

# The day after the grace, which begins when the period has run out.
_overdue_from(mou, clause, day) := days.start(graced + 1, mou.offsets) if {
	duty := mou.acknowledgements[clause]
	due := days.after(days.parse(day), duty.every)
	graced := days.after(days.date(due), duty.grace)
}
