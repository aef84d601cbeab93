# METADATA
# title: Purposes
# description: >
#   A purpose is within itself and every purpose above it. A document is asked at the node that has the purpose's id,
#   else at the nodes of the same `dpv` term. `broader` and `narrower` hold each node's neighbours up and down.
package accordant.purposes

import data.accordant.request

# METADATA
# description: the nodes of a tree that the request's purpose means
nodes(tree) := [request.purpose] if {
	tree.broader[request.purpose]
} else := [node |
	some term in _terms
	some node in tree.terms[term]
]

_terms := {request.purpose} | {term | some term in data.accordant.catalogue.terms[request.purpose]}

# METADATA
# description: for each node, the purposes that it is within
above(tree, asked) := [graph.reachable(tree.broader, [node]) | some node in asked]

# METADATA
# description: every purpose that a node is within, or that is within a node
related(tree, asked) := graph.reachable(tree.broader, asked) | graph.reachable(tree.narrower, asked)

# METADATA
# description: each node meant, and there is one, is within one of these purposes
within(over, permitted) := count(over[0] & permitted) > 0 if {
	count(over) == 1
} else := [count(over) > 0, count([1 | some ancestors in over; count(ancestors & permitted) > 0])] == [true, count(over)]
