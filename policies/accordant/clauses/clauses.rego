# METADATA
# title: Clauses
# description: >
#   Which clauses of the binding documents match the request. A clause's rule answers with a list of conditions, each true
#   or false; it matches when none is false. A document of which one clause has no conditions has no answer, and an answer
#   without it is none. Clauses are named by document and id, `["benchmarking_v1", "2.2"]`, in the order of citation.
package accordant.clauses

import data.accordant.request

# METADATA
# description: each document that defines the dataset, whether it binds, and the clauses examined where it does
documents := [[document, binds, examined] |
	some document in data.accordant.catalogue.datasets[request.dataset]
	is_array(data.accordant.datasets[request.dataset][document].moments)
	binds := data.accordant.datasets[request.dataset][document].binds
	examined := data.accordant.datasets[request.dataset][document].examined
]

# METADATA
# description: the documents that bind
binding := [document |
	some [document, binds, _] in documents
	binds == true
]

# METADATA
# description: the duties that are overdue and block the request
overdue := [[document, clause] |
	some document in binding
	some clause in data.accordant.datasets[request.dataset][document].overdue
]

# METADATA
# description: the prohibitions that touch the request and are not lifted
prohibited := [[document, clause] |
	some document in binding
	some clause in data.accordant.datasets[request.dataset][document].prohibiting
]

# METADATA
# description: the permits that cover the request, are asked for, and stand wherever a prohibition was lifted
permitted := [[document, clause] |
	some document in binding
	request.mou in [null, data.accordant.datasets[request.dataset][document].id]
	some clause in data.accordant.datasets[request.dataset][document].covering
	request.under in [null, clause]
	count(_lifted_by(document, clause)) == count(_touching)
]

# METADATA
# description: the consents that the request's rows need, each with the contributors of those rows
consents := [[[document, clause], contributors] |
	some document in binding
	some [clause, contributors] in data.accordant.datasets[request.dataset][document].consents
]

_touching := [[document, clause] |
	some document in binding
	some clause in data.accordant.datasets[request.dataset][document].touching
]

# The prohibitions that this permit lifts. Where nothing is left prohibited, whatever touches was lifted by one.
_lifted_by(document, clause) := [prohibition |
	some [other, prohibition] in _touching
	_lifts(document, clause, other, prohibition) == true
]

_lifts(document, clause, other, prohibition) := clause in permits if {
	document == other
	exceptions := data.accordant.documents[other].exceptions
	permits := object.get(exceptions, prohibition, [])
} else := false
