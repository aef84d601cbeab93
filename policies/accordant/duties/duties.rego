# METADATA
# title: Duties
# description: >
#   An acknowledgement with a period is reckoned from the days on which it was given; every other duty is overdue when
#   a recorded fact says so (language, *Acknowledgement*).
package accordant.duties

import data.accordant.request

# METADATA
# description: a recorded fact says that the requester is overdue with this duty
recorded_overdue(mou, clause) := false if {
	request.overdue == []
} else := count([fact | some fact in request.overdue; fact == [mou, clause, request.party]]) > 0

# METADATA
# description: the days of a document's life after the first on which the requester gave an acknowledgement
given(mou, clause, first, last) := [] if {
	request.acknowledged == []
} else := [day |
	some [of, duty, party, day] in request.acknowledged
	party == request.party
	of == mou
	duty == clause
	day > first
	day <= last
]

# METADATA
# description: no acknowledgement that counts at the instant asked about holds still
run_out(found) := [overdue |
	some [start, overdue] in found
	start <= request.at
	overdue > request.at
] == []

# METADATA
# description: the instants within a document's life at which an acknowledgement begins to count or runs out
moments(found, end) := [moment |
	some span in found
	some moment in span
	moment > request.at
	moment < end
]
