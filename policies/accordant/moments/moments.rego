# METADATA
# title: Moments
# description: >
#   The next instant at which time alone could change an answer: a document's or a clause's days, a withdrawal's effect,
#   an acknowledgement that begins to count or runs out (docs/decisions.md, R14). It is the same whatever the answer.
package accordant.moments

import data.accordant.clauses
import data.accordant.request

# METADATA
# description: the earliest of the moments that are to come, or null
valid_until := clauses.moments[0] if {
	count(clauses.moments) == 1
	request.withdrawn == []
} else := earliest(array.concat(clauses.moments, _withdrawals))

# METADATA
# description: the earliest of some instants, of which those that are null don't count
earliest(instants) := null if {
	_shifted(instants) == []
} else := min(_shifted(instants)) - _shift

# rego-cpp 1.5.2 compares the numbers of a list by their digits, so that 5 is more than 11: with this added, every instant
# from the first year to the year 9999 has eighteen digits, and the two orders are one.
_shift := 500000000000000000

_shifted(instants) := [shifted |
	some instant in instants
	instant != null
	shifted := instant + _shift
]

_withdrawals := [instant |
	some [mou, _, instant] in request.withdrawn
	instant > request.at
	mou in _mous
]

_mous := [mou |
	some document in data.accordant.catalogue.datasets[request.dataset]
	mou := data.accordant.documents[document].id
]
