# METADATA
# title: Purposes
# description: >
#   A purpose is within itself and every purpose above it. A document is asked at the node that has the purpose's id,
#   else at the nodes of the same `dpv` term. `broader` and `narrower` hold each node's neighbours up and down.
package accordant.purposes

import data.accordant.request

# METADATA
# description: the nodes of a document's tree that the request's purpose means
nodes(document) := [request.purpose] if {
	data.accordant.documents[document].broader[request.purpose]
} else := [node |
	some term in _terms
	some node in object.get(terms, term, [])
] if {
	terms := data.accordant.documents[document].terms
}

_terms := {request.purpose} | {term | some term in data.accordant.catalogue.terms[request.purpose]}

# METADATA
# description: for each node, the purposes that it is within
above(document, asked) := [ancestors |
	some node in asked
	ancestors := graph.reachable(broader, [node])
] if {
	broader := data.accordant.documents[document].broader
}

# METADATA
# description: every purpose that a node is within, or that is within a node
related(document, asked) := up | down if {
	up := graph.reachable(data.accordant.documents[document].broader, asked)
	down := graph.reachable(data.accordant.documents[document].narrower, asked)
}

# METADATA
# description: each node meant, and there is one, is within one of these purposes
within(over, permitted) := count(over[0] & permitted) > 0 if {
	count(over) == 1
} else := [count(over) > 0, count([1 | some ancestors in over; count(ancestors & permitted) > 0])] == [true, count(over)]
