# METADATA
# title: Clauses
# description: >
#   Which clauses of the binding MOUs match the request. A clause's rule answers with a list of conditions, each true or
#   false; it matches when none is false. A clause that gives no list is not examined, and an answer without it is no
#   answer. Clauses are named `[mou, version, clause]`, such as `["benchmarking", "v1", "2.2"]`, in the order in which
#   they are cited.
package accordant.clauses

import data.accordant.request

_documents := object.get(data.accordant.catalogue.datasets, request.dataset, [])

# METADATA
# description: every document that defines the dataset as [mou, version, it binds]; one that is missing is a failure
documents := [[mou, version, binds] |
	some [mou, version] in _documents
	binds := data.accordant.datasets[request.dataset][mou][version].binds
]

# METADATA
# description: the documents that bind
binding := [[mou, version] |
	some [mou, version, binds] in documents
	binds == true
]

# METADATA
# description: the clauses of the binding documents that gave their conditions
examined := [[mou, version, clause] |
	some [mou, version] in binding
	some clause in data.accordant.documents[mou][version].datasets[request.dataset].clauses
	is_array(data.accordant.datasets[request.dataset][mou][version].clause[clause])
]

# METADATA
# description: the duties that are overdue and block the request
overdue := [[mou, version, clause] |
	some [mou, version] in binding
	some clause in data.accordant.documents[mou][version].datasets[request.dataset].duties
	matches(mou, version, clause) == true
]

# METADATA
# description: the prohibitions that touch the request and are not lifted
prohibited := [[mou, version, clause] |
	some [mou, version, clause] in _touching
	_lifted(mou, version, clause) == false
]

# METADATA
# description: the permits that cover the request, are asked for, and stand wherever a prohibition was lifted
permitted := [[mou, version, clause] |
	some [mou, version] in binding
	request.mou in [null, mou]
	some clause in data.accordant.documents[mou][version].datasets[request.dataset].permits
	request.under in [null, clause]
	matches(mou, version, clause) == true
	_stands(mou, version, clause) == true
]

# METADATA
# description: the consents that the request's rows need, each with the contributors of those rows
consents := [[[mou, version, clause], contributors] |
	some [mou, version] in binding
	some clause in data.accordant.documents[mou][version].datasets[request.dataset].consents
	matches(mou, version, clause) == true
	contributors := data.accordant.datasets[request.dataset][mou][version].consenting[clause]
]

# METADATA
# description: no condition of the clause is false
matches(mou, version, clause) := fails == false if {
	fails := false in data.accordant.datasets[request.dataset][mou][version].clause[clause]
}

_touching := [[mou, version, clause] |
	some [mou, version] in binding
	some clause in data.accordant.documents[mou][version].datasets[request.dataset].prohibitions
	matches(mou, version, clause) == true
]

_lifted(mou, version, clause) := true in [matches(mou, version, permit) |
	some permit in _exceptions(mou, version, clause)
]

_exceptions(mou, version, clause) := object.get(
	data.accordant.documents[mou][version].datasets[request.dataset].exceptions,
	clause, [],
)

# Where nothing is left prohibited, whatever touches was lifted.
_stands(mou, version, clause) := fails == false if {
	fails := false in [stands |
		some [other, other_version, prohibition] in _touching
		stands := [
			[mou, version] == [other, other_version],
			clause in _exceptions(other, other_version, prohibition),
		] == [true, true]
	]
}
