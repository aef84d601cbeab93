# METADATA
# title: Purposes
# description: >
#   A purpose is within itself and every purpose above it. A document is asked at the node that has the purpose's id,
#   else at the nodes of the same `dpv` term. `broader` holds each node's neighbour above.
package accordant.purposes

import data.accordant.request

# METADATA
# description: the nodes with the request's purpose as their term, or with a term that this purpose has in any document
same(terms) := [node |
	some term in _terms
	some node in object.get(terms, term, [])
]

_terms := {request.purpose} | {term | some term in data.accordant.catalogue.terms[request.purpose]}

# METADATA
# description: for each of several nodes, the purposes that it is within
above(broader, nodes) := [ancestors |
	some node in nodes
	ancestors := graph.reachable(broader, [node])
]

# METADATA
# description: each node meant, and there is one, is within one of these purposes
within(over, permitted) := count(over[0] & permitted) > 0 if {
	count(over) == 1
} else := [count(over) > 0, count([1 | some ancestors in over; count(ancestors & permitted) > 0])] == [true, count(over)]
