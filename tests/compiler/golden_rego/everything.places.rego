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

identifiers := ["place"]

quasi_identifiers := []

sensitive_fields := []

plain_fields := ["source"]

knows_fields := object.subset(fields, request.fields)

# Who is a party no more, and whether the document binds the requester now.
gone := document.gone("everything")

binds := false if {
	request.at < 1769770800000000
} else := false if {
	request.at >= 1896001200000000
} else := false if {
	role == ""
} else if {
	gone == []
} else := document.stays(parties, gone, true)

# Whose rows are asked for.
contributors := parties if {
	gone == []
} else := document.present(parties, gone)

asked := contributors if {
	request.rows == "all"
	request.from == null
} else := document.asked(contributors)

asks_some := asked != []

asks_own := request.party in asked

asks_only_own := asked == [request.party]

asks_others := false if {
	asks_some == false
} else := asks_only_own == false

asks_only_others := false if {
	asks_others == false
} else := asks_own == false

# What for: the nodes of the document's tree that are meant, and what is above and below them.
nodes := [request.purpose] if {
	data.accordant.documents.everything_v7.broader[request.purpose]
} else := purposes.same(data.accordant.documents.everything_v7.terms)

one_node := count(nodes) == 1

up := graph.reachable(data.accordant.documents.everything_v7.broader, nodes)

above := purposes.above(data.accordant.documents.everything_v7.broader, nodes)

related := up | graph.reachable(data.accordant.documents.everything_v7.narrower, nodes)

# What a valid request needs: fields, purpose and parties that are known, and rows; and are some others'?
knows := [knows_fields, nodes != [], document.knows_from(parties), asks_some, asks_others]

# One of these documents knows it whole: most requests need no more than that.
known if {
	role != ""
	knows_fields == true
	nodes != []
	request.from == null
	asks_some == true
} else := false

# When time alone may change the answer next: a day that the document names, or an acknowledgement.
next_day := 1769770800000000 if {
	request.at < 1769770800000000
} else := 1769857200000000 if {
	request.at < 1769857200000000
} else := 1798714800000000 if {
	request.at < 1798714800000000
} else := 1861873200000000 if {
	request.at < 1861873200000000
} else := 1893409200000000 if {
	request.at < 1893409200000000
} else := 1896001200000000 if {
	request.at < 1896001200000000
} else := null

first_1 := [1786708800000000] if {
	request.at < 1786708800000000
} else := []

given_1 := duties.given("everything", "d1", 20484, 21944)

spans_clause_d1 := [] if {
	given_1 == []
} else := [span |
	some day in given_1
	index := day - 20484
	span := data.accordant.documents.everything_v7.acknowledgements.d1.table[index]
]

reckoned_1 := [] if {
	to_everyone == false
} else := first_1 if {
	request.acknowledged == []
} else := array.concat(first_1, duties.moments(spans_clause_d1, 1896001200000000))

moments := [next_day] if {
	reckoned_1 == []
} else := array.flatten([next_day, reckoned_1])

# What the clauses ask.
about_sale := count(related & {"sale"}) > 0

to_everyone := role != ""

overdue_d1 := false if {
	request.at < 1786708800000000
} else := duties.run_out(spans_clause_d1)

to_h := request.party == "h"

overdue_d2 := duties.recorded_overdue("everything", "d2")

# METADATA
# title: "Nothing for sale"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "n2"
#   kind: "prohibit"
#   text_sha256: "58a4e63bc2e43cf54382a9d78f7408b0b3f797bfe25acce0efa5122eb85f9a18"
clause_n2 := "rows" if {
	asks_some == false
} else := "purpose" if {
	about_sale == false
} else := "matched" if {
	asks_some == true
	about_sale == true
}

# METADATA
# title: "Say it again"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "d1"
#   kind: "duty"
#   text_sha256: "47455244b6f12c218991e2648df62fade34a23f823ae033df999ff50257b0492"
clause_d1 := "of" if {
	to_everyone == false
} else := "overdue" if {
	overdue_d1 == false
} else := "matched" if {
	to_everyone == true
	overdue_d1 == true
}

# METADATA
# title: "Report"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "d2"
#   kind: "duty"
#   text_sha256: "c47e0ea7c065b3a9a940d7958cb88a3b0098c33836b55a1dd705dc2569c88bc4"
clause_d2 := "of" if {
	to_h == false
} else := "blocking" if {
	asks_others == false
} else := "overdue" if {
	overdue_d2 == false
} else := "matched" if {
	to_h == true
	asks_others == true
	overdue_d2 == true
}

# METADATA
# title: "Bring"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "d3"
#   kind: "duty"
#   text_sha256: "b6ea7ab4a62d15f27fa1c852502a2d87935bdaef0cca27c083716683a5d1fa54"
clause_d3 := "blocking"

# METADATA
# title: "Give back"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "d4"
#   kind: "duty"
#   text_sha256: "6ac948b13ed6993633972d391ecc982e0124314ee04299bc740ff9a480add4e1"
clause_d4 := "blocking"

# METADATA
# title: "Delete"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "d5"
#   kind: "duty"
#   text_sha256: "f5de201ea56ab62bd67ae2f7f55fb64cd45414783ed3fff3020a787927aebeaa"
clause_d5 := "blocking"

# What matches, where the document binds.

overdue := [] if {
	binds == false
} else := [] if {
	["matched" in [clause_d1, clause_d2, clause_d3, clause_d4, clause_d5]] == [false]
} else := array.flatten([cited_clause_d1, cited_clause_d2, cited_clause_d3, cited_clause_d4, cited_clause_d5])

cited_clause_d1 := [["everything_v7", "d1"]] if {
	clause_d1 == "matched"
} else := [] if {
	clause_d1 != "matched"
}

cited_clause_d2 := [["everything_v7", "d2"]] if {
	clause_d2 == "matched"
} else := [] if {
	clause_d2 != "matched"
}

cited_clause_d3 := [["everything_v7", "d3"]] if {
	clause_d3 == "matched"
} else := [] if {
	clause_d3 != "matched"
}

cited_clause_d4 := [["everything_v7", "d4"]] if {
	clause_d4 == "matched"
} else := [] if {
	clause_d4 != "matched"
}

cited_clause_d5 := [["everything_v7", "d5"]] if {
	clause_d5 == "matched"
} else := [] if {
	clause_d5 != "matched"
}

touching := [] if {
	binds == false
} else := [] if {
	["matched" in [clause_n2]] == [false]
} else := array.flatten([cited_clause_n2])

cited_clause_n2 := [["everything_v7", "n2"]] if {
	clause_n2 == "matched"
} else := [] if {
	clause_n2 != "matched"
}

covering := [] if {
	binds == false
} else := []

prohibited := [] if {
	binds == false
} else := [] if {
	touching == []
} else := document.unlifted("everything_v7", touching, covering)

consents := [] if {
	binds == false
} else := []

binding := binds

rows := [["everything_v7", asked, asks_others]]

# The clauses examined: all, or none where one of these lists could not be worked out.
default documents := [["everything_v7", true, []]]

documents := [["everything_v7", false, []]] if {
	binds == false
	moments
} else := [["everything_v7", true, ["n2", "d1", "d2", "d3", "d4", "d5"]]] if {
	binds == true
	moments
	overdue
	touching
	covering
	prohibited
	consents
}
