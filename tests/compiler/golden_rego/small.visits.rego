# METADATA
# title: "Reading together"
# description: "The clauses of reading, version 2, on visits."
# custom:
#   mou: "reading"
#   version: 2
#   dataset: "visits"
package accordant.datasets.visits.reading_v2

import data.accordant.document
import data.accordant.purposes
import data.accordant.request
import data.accordant.sets
import data.accordant.views

# Who the parties are, by role.
parties := ["elm", "hub", "oak"]

members_convener := ["hub"]

members_partner := ["elm", "oak"]

# What the requester is, a party still or not.
role := "convener" if {
	request.party in members_convener
} else := "partner" if {
	request.party in members_partner
} else := ""

# What the dataset holds.
fields := ["reader", "house", "pages"]

identifiers := {"reader"}

quasi_identifiers := set()

sensitive_fields := {"pages"}

plain_fields := {"house"}

id := "reading"

# Who is a party no more, and whether the document binds the requester now.
gone := document.gone(id)

binds := document.binds(1772323200000000, 1803859200000000, false, role, gone)

# Whose rows are asked for.
contributors := document.present(members_partner, gone)

asked := document.asked(contributors)

asks_some := count(asked) > 0

asks_own := request.party in asked

asks_others := false if {
	asked in [[], [request.party]]
} else := true

asks_only_own := asked == [request.party]

asks_only_others := [asks_others, asks_own] == [true, false]

# What for: the nodes of the document's tree that are meant, and what is above and below them.
broader := data.accordant.documents.reading_v2.broader

nodes := [request.purpose] if {
	broader[request.purpose]
} else := purposes.same(data.accordant.documents.reading_v2.terms)

up := graph.reachable(broader, nodes)

above := [up] if {
	count(nodes) == 1
} else := purposes.above(broader, nodes)

related := up | graph.reachable(data.accordant.documents.reading_v2.narrower, nodes)

# What a valid request needs: fields, purpose and parties that are known, and rows; and are some others'?
known := [
	sets.inside(request.fields, fields),
	nodes != [],
	document.knows_from(parties),
	asks_some,
	asks_others,
]

# When time alone may change the answer.
moments := [1772323200000000, 1803859200000000]

# METADATA
# title: "One's own readers"
# custom:
#   mou: "reading"
#   version: 2
#   clause: "1"
#   kind: "permit"
#   text_sha256: "a2a2d9789c6f3c8282c9348c5259de7495bbb16048ad0eb63a4dbbee54dc8900"
clause_1 := [meant] if {
	meant := role in ["partner"]
	meant == false
} else := [
	role in ["partner"],
	asks_only_own,
	sets.inside(request.fields, fields),
	request.view in views.at_most_identified,
	document.keeps(identifiers),
	purposes.within(above, {"improve"}),
]

# METADATA
# title: "Side by side"
# custom:
#   mou: "reading"
#   version: 2
#   clause: "2"
#   kind: "permit"
#   text_sha256: "5e4f55e9d8349454d4f6cf0ffdc39270b8801e3db8127bc82a6d93f37368ac6c"
clause_2 := [meant] if {
	meant := role != ""
	meant == false
} else := [
	role != "",
	asks_some,
	sets.inside(request.fields, ["pages"]),
	request.view in views.at_most_aggregate,
	purposes.within(above, {"compare"}),
]

# METADATA
# title: "Never"
# custom:
#   mou: "reading"
#   version: 2
#   clause: "3"
#   kind: "prohibit"
#   text_sha256: "eb384e7f8b29e9ea21ef1c36f5c9130c7cf8c8e344b40746463a09080440e509"
clause_3 := [
	asks_some,
	sets.meet(related, {"ads"}),
]

# The clauses of each kind that match.
overdue := []

touching := document.matching([
	["3", clause_3],
])

covering := document.matching([
	["1", clause_1],
	["2", clause_2],
])

prohibiting := document.unlifted("reading_v2", touching, covering)

consents := []

# The clauses examined: all, or the list has no value.
examined := [] if {
	binds == false
} else := ["1", "2", "3"] if {
	count([
		clause_1,
		clause_2,
		clause_3,
	]) == 3
	count([overdue, touching, covering, prohibiting, consents]) == 5
}
