# METADATA
# title: "Tutti quanti – “all of it” & more"
# description: "The clauses of everything, version 7, on people."
# custom:
#   mou: "everything"
#   version: 7
#   dataset: "people"
package accordant.datasets.people.everything_v7

import data.accordant.document
import data.accordant.duties
import data.accordant.purposes
import data.accordant.request
import data.accordant.views

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
fields := ["number", "source", "born", "seen", "quarter", "score", "count", "done"]

identifiers := ["number"]

quasi_identifiers := ["born"]

sensitive_fields := ["score"]

plain_fields := ["source", "seen", "quarter", "count", "done"]

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
contributors := document.together([members_partner, ["h"]]) if {
	gone == []
} else := document.present(document.together([members_partner, ["h"]]), gone)

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
to_everyone := role != ""

for_care_or_learn := count(up & {"care", "learn"}) > 0 if {
	one_node
} else := purposes.within(above, {"care", "learn"})

keeps_identifiers := document.keeps(document.set_of(identifiers))

to_researcher_or_h := true in [role == "researcher", request.party == "h"]

all_from_a_or_b := object.subset(["a", "b"], document.set_of(asked))

for_study := "study" in up if {
	one_node
} else := purposes.within(above, {"study"})

only_sensitive_fields_plain_fields := object.subset(document.set_of(sensitive_fields) | document.set_of(plain_fields), request.fields)

since_2027_01_01 := request.at >= 1798714800000000

to_watch_keeper := role == "watch-keeper"

for_learn := "learn" in up if {
	one_node
} else := purposes.within(above, {"learn"})

only_done_quarter := object.subset(["done", "quarter"], request.fields)

until_2028_12_31 := request.at < 1861873200000000

to_u := request.party == "u"

some_others_from_c := count(document.among(document.others(asked), ["c"])) > 0

view_identified_or_pseudonymised := request.view in ["identified", "pseudonymised"]

some_born_score := count(request.fields & {"born", "score"}) > 0

about_sale_or_study := count(related & {"sale", "study"}) > 0

since_2026_02_01 := request.at >= 1769857200000000

until_2029_12_31 := request.at < 1893409200000000

about_sale := count(related & {"sale"}) > 0

to_researcher := role == "researcher"

some_others_from_partner := count(document.among(document.others(asked), members_partner)) > 0

view_pseudonymised := request.view == "pseudonymised"

some_sensitive_fields := "score" in request.fields

about_study := count(related & {"study"}) > 0

overdue_d1 := false if {
	request.at < 1786708800000000
} else := duties.run_out(spans_clause_d1)

to_h := request.party == "h"

overdue_d2 := duties.recorded_overdue("everything", "d2")

# METADATA
# title: "Own"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "p1"
#   kind: "permit"
#   text_sha256: "09b7bd55db1af63cf4da3e78b62a17d871a483fccad5a95ae9635dc11d801ae4"
clause_p1 := "to" if {
	to_everyone == false
} else := "view" if {
	views.at_most_identified == false
} else := "rows" if {
	asks_only_own == false
} else := "purpose" if {
	for_care_or_learn == false
} else := "fields" if {
	knows_fields == false
} else := "fields" if {
	keeps_identifiers == false
} else := "matched" if {
	to_everyone == true
	views.at_most_identified == true
	asks_only_own == true
	for_care_or_learn == true
	knows_fields == true
	keeps_identifiers == true
}

# METADATA
# title: "A study"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "p2"
#   kind: "permit"
#   text_sha256: "7cb7d7df10350621388e316a257822381d7d8042af7b4f04ec85c43ec2190896"
clause_p2 := "to" if {
	to_researcher_or_h == false
} else := "view" if {
	views.at_most_pseudonymised == false
} else := "rows" if {
	asks_only_others == false
} else := "from" if {
	all_from_a_or_b == false
} else := "purpose" if {
	for_study == false
} else := "fields" if {
	only_sensitive_fields_plain_fields == false
} else := "fields" if {
	keeps_identifiers == false
} else := "valid" if {
	since_2027_01_01 == false
} else := "matched" if {
	to_researcher_or_h == true
	views.at_most_pseudonymised == true
	asks_only_others == true
	all_from_a_or_b == true
	for_study == true
	only_sensitive_fields_plain_fields == true
	keeps_identifiers == true
	since_2027_01_01 == true
}

# METADATA
# title: "Figures"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "p3"
#   kind: "permit"
#   text_sha256: "bd848d56ea715977dd8ae794d3607dfe3046f98a90512906807e621e8552d4ad"
clause_p3 := "to" if {
	to_watch_keeper == false
} else := "view" if {
	views.at_most_aggregate == false
} else := "rows" if {
	asks_some == false
} else := "purpose" if {
	for_learn == false
} else := "fields" if {
	only_done_quarter == false
} else := "valid" if {
	until_2028_12_31 == false
} else := "matched" if {
	to_watch_keeper == true
	views.at_most_aggregate == true
	asks_some == true
	for_learn == true
	only_done_quarter == true
	until_2028_12_31 == true
}

# METADATA
# title: "Never"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "n1"
#   kind: "prohibit"
#   text_sha256: "54f7584923cf9c015168d616f6200265789995633be2e20ae99e9d0dc8e28d97"
clause_n1 := "to" if {
	to_u == false
} else := "rows" if {
	some_others_from_c == false
} else := "view" if {
	view_identified_or_pseudonymised == false
} else := "fields" if {
	some_born_score == false
} else := "purpose" if {
	about_sale_or_study == false
} else := "valid" if {
	since_2026_02_01 == false
} else := "valid" if {
	until_2029_12_31 == false
} else := "matched" if {
	to_u == true
	some_others_from_c == true
	view_identified_or_pseudonymised == true
	some_born_score == true
	about_sale_or_study == true
	since_2026_02_01 == true
	until_2029_12_31 == true
}

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
# title: "Consent"
# custom:
#   mou: "everything"
#   version: 7
#   clause: "c1"
#   kind: "consent"
#   text_sha256: "7b5051315944de6a095cc393d71835225416a5260a0c0992db01b68a28cf81b7"
clause_c1 := "to" if {
	to_researcher == false
} else := "rows" if {
	some_others_from_partner == false
} else := "view" if {
	view_pseudonymised == false
} else := "fields" if {
	some_sensitive_fields == false
} else := "purpose" if {
	about_study == false
} else := "matched" if {
	to_researcher == true
	some_others_from_partner == true
	view_pseudonymised == true
	some_sensitive_fields == true
	about_study == true
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

# Whose rows need a consent.
rows_of_clause_c1 := document.among(document.others(asked), members_partner)

needed_clause_c1 := [[["everything_v7", "c1"], rows_of_clause_c1]] if {
	clause_c1 == "matched"
} else := [] if {
	clause_c1 != "matched"
}

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
	["matched" in [clause_n1, clause_n2]] == [false]
} else := array.flatten([cited_clause_n1, cited_clause_n2])

cited_clause_n1 := [["everything_v7", "n1"]] if {
	clause_n1 == "matched"
} else := [] if {
	clause_n1 != "matched"
}

cited_clause_n2 := [["everything_v7", "n2"]] if {
	clause_n2 == "matched"
} else := [] if {
	clause_n2 != "matched"
}

covering := [] if {
	binds == false
} else := array.flatten([cited_clause_p1, cited_clause_p2, cited_clause_p3])

cited_clause_p1 := [["everything_v7", "p1"]] if {
	clause_p1 == "matched"
} else := [] if {
	clause_p1 != "matched"
}

cited_clause_p2 := [["everything_v7", "p2"]] if {
	clause_p2 == "matched"
} else := [] if {
	clause_p2 != "matched"
}

cited_clause_p3 := [["everything_v7", "p3"]] if {
	clause_p3 == "matched"
} else := [] if {
	clause_p3 != "matched"
}

prohibited := [] if {
	binds == false
} else := [] if {
	touching == []
} else := document.unlifted("everything_v7", touching, covering)

consents := [] if {
	binds == false
} else := array.flatten([needed_clause_c1])

binding := binds

rows := [["everything_v7", asked, asks_others]]

# The clauses examined: all, or none where one of these lists could not be worked out.
default documents := [["everything_v7", true, []]]

documents := [["everything_v7", false, []]] if {
	binds == false
	moments
} else := [["everything_v7", true, ["p1", "p2", "p3", "n1", "n2", "c1", "d1", "d2", "d3", "d4", "d5"]]] if {
	binds == true
	moments
	overdue
	touching
	covering
	prohibited
	consents
}
