# METADATA
# title: Moments
# description: >
#   The next instant at which time alone could change an answer: a document's or a clause's days, a withdrawal's effect,
#   an acknowledgement that begins to count or runs out (docs/decisions.md, R14). It is the same whatever the answer.
package accordant.moments

import data.accordant.duties
import data.accordant.request

# METADATA
# description: the earliest of the later moments, or null
valid_until := null if {
	count(_later) == 0
} else := min(_later)

_later := [moment |
	some list in _lists
	some moment in list
	moment > request.at
]

_documents := object.get(data.accordant.catalogue.datasets, request.dataset, [])

_lists := array.concat(
	array.concat(_fixed, _withdrawals),
	[reckoned |
		some [mou, version] in _documents
		document := data.accordant.documents[mou][version]
		some clause in object.keys(document.acknowledgements)
		data.accordant.datasets[request.dataset][mou][version].clause[clause][0] == true
		reckoned := _inside(document, duties.moments(document, clause))
	],
)

_fixed := [moments |
	some [mou, version] in _documents
	moments := data.accordant.documents[mou][version].moments
]

_withdrawals := [[fact.at] |
	some fact in input.facts.withdrawn
	some [mou, _] in _documents
	fact.mou == mou
]

_inside(document, moments) := [moment |
	some moment in moments
	document.start < moment
	moment < document.end
]
