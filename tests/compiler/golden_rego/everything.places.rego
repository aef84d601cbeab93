# METADATA
# title: "Tutti quanti – “all of it” & more"
# description: "The clauses of everything, version 7, on places."
# custom:
#   mou: "everything"
#   version: 7
#   dataset: "places"
package accordant.datasets.places.everything_v7

import data.accordant.document
import data.accordant.duties
import data.accordant.purposes
import data.accordant.request
import data.accordant.sets

# Who the parties are, by role.
parties := ["a", "b", "c", "h", "u", "w"]

members_convener := ["h"]

members_partner := ["a", "b", "c"]

members_researcher := ["u"]

members_watch_keeper := ["w"]

# What the requester is, a party still or not.
role := "convener" if {
	request.party in members_convener
} else := "partner" if {
	request.party in members_partner
} else := "researcher" if {
	request.party in members_researcher
} else := "watch-keeper" if {
	request.party in members_watch_keeper
} else := ""

# What the dataset holds.
fields := ["place", "source"]

identifiers := {"place"}

quasi_identifiers := set()

sensitive_fields := set()

plain_fields := {"source"}

id := "everything"

# Who is a party no more, and whether the document binds the requester now.
gone := document.gone(id)

binds := document.binds(1769770800000000, 1896001200000000, count(document.among(parties, gone)) > 0, role, gone)

# Whose rows are asked for.
contributors := document.present(parties, gone)

asked := document.asked(contributors)

asks_some := count(asked) > 0

asks_own := request.party in asked

asks_others := false if {
	asked in [[], [request.party]]
} else := true

asks_only_own := asked == [request.party]

asks_only_others := [asks_others, asks_own] == [true, false]

# What for: the nodes of the document's tree that are meant, and what is above and below them.
broader := data.accordant.documents.everything_v7.broader

nodes := [request.purpose] if {
	broader[request.purpose]
} else := purposes.same(data.accordant.documents.everything_v7.terms)

up := graph.reachable(broader, nodes)

above := [up] if {
	count(nodes) == 1
} else := purposes.above(broader, nodes)

related := up | graph.reachable(data.accordant.documents.everything_v7.narrower, nodes)

# What a valid request needs: fields, purpose and parties that are known, and rows; and are some others'?
known := [
	sets.inside(request.fields, fields),
	nodes != [],
	document.knows_from(parties),
	asks_some,
	asks_others,
]

# When time alone may change the answer.
moments := array.concat([1769770800000000, 1769857200000000, 1798714800000000, 1861873200000000, 1893409200000000, 1896001200000000], reckoned)

reckoned := reckoned_1

reckoned_1 := [] if {
	named := role != ""
	named == false
} else := array.concat([1786708800000000], duties.moments("everything_v7", "d1", 1769770800000000, 1896001200000000))

# METADATA
# title: "Nothing for sale"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "n2"
#   kind: "prohibit"
#   text_sha256: "58a4e63bc2e43cf54382a9d78f7408b0b3f797bfe25acce0efa5122eb85f9a18"
clause_n2 := [
	asks_some,
	sets.meet(related, {"sale"}),
]

# METADATA
# title: "Say it again"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "d1"
#   kind: "duty"
#   text_sha256: "47455244b6f12c218991e2648df62fade34a23f823ae033df999ff50257b0492"
clause_d1 := [meant] if {
	meant := role != ""
	meant == false
} else := [
	role != "",
	duties.acknowledgement_overdue("everything_v7", "d1", 1786708800000000),
	true,
]

# METADATA
# title: "Report"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "d2"
#   kind: "duty"
#   text_sha256: "c47e0ea7c065b3a9a940d7958cb88a3b0098c33836b55a1dd705dc2569c88bc4"
clause_d2 := [meant] if {
	meant := request.party in ["h"]
	meant == false
} else := [
	request.party in ["h"],
	duties.recorded_overdue(id, "d2"),
	asks_others,
]

# METADATA
# title: "Bring"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "d3"
#   kind: "duty"
#   text_sha256: "b6ea7ab4a62d15f27fa1c852502a2d87935bdaef0cca27c083716683a5d1fa54"
clause_d3 := [meant] if {
	meant := role in ["partner"]
	meant == false
} else := [
	role in ["partner"],
	duties.recorded_overdue(id, "d3"),
	false,
]

# METADATA
# title: "Give back"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "d4"
#   kind: "duty"
#   text_sha256: "6ac948b13ed6993633972d391ecc982e0124314ee04299bc740ff9a480add4e1"
clause_d4 := [meant] if {
	meant := role in ["researcher"]
	meant == false
} else := [
	role in ["researcher"],
	duties.recorded_overdue(id, "d4"),
	false,
]

# METADATA
# title: "Delete"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "d5"
#   kind: "duty"
#   text_sha256: "f5de201ea56ab62bd67ae2f7f55fb64cd45414783ed3fff3020a787927aebeaa"
clause_d5 := [meant] if {
	meant := role in ["researcher"]
	meant == false
} else := [
	role in ["researcher"],
	duties.recorded_overdue(id, "d5"),
	false,
]

# The clauses of each kind that match.
overdue := document.matching([
	["d1", clause_d1],
	["d2", clause_d2],
	["d3", clause_d3],
	["d4", clause_d4],
	["d5", clause_d5],
])

touching := document.matching([
	["n2", clause_n2],
])

covering := []

prohibiting := document.unlifted("everything_v7", touching, covering)

consents := []

# The clauses examined: all, or the list has no value.
examined := [] if {
	binds == false
} else := ["n2", "d1", "d2", "d3", "d4", "d5"] if {
	count([
		clause_n2,
		clause_d1,
		clause_d2,
		clause_d3,
		clause_d4,
		clause_d5,
	]) == 6
	count([overdue, touching, covering, prohibiting, consents]) == 5
}
