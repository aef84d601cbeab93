# METADATA
# title: Moments
# description: >
#   The next instant at which time alone could change an answer: a document's or a clause's days, a withdrawal's effect,
#   an acknowledgement that begins to count or runs out (docs/decisions.md, R14). It is the same whatever the answer.
package accordant.moments

import data.accordant.request

# METADATA
# description: the earliest of the later moments, or null
valid_until := null if {
	_later == []
} else := min(_shifted) - _shift

# rego-cpp 1.5.2 compares the numbers of a list by their digits, so that 5 is more than 11: with this added, every instant
# from the year 1684 to 2255 has seventeen digits, and the two orders are one.
_shift := 50000000000000000

_shifted := [shifted |
	some moment in _later
	shifted := moment + _shift
]

_later := _named if {
	input.facts.withdrawn == []
} else := array.concat(_named, _withdrawals)

_named := [moment |
	some document in data.accordant.catalogue.datasets[request.dataset]
	some moment in data.accordant.datasets[request.dataset][document].moments
	moment > request.at
]

_withdrawals := [fact.at |
	some fact in input.facts.withdrawn
	fact.at > request.at
	fact.mou in _mous
]

_mous := [mou |
	some document in data.accordant.catalogue.datasets[request.dataset]
	mou := data.accordant.datasets[request.dataset][document].id
]
