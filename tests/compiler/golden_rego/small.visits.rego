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

identifiers := ["reader"]

quasi_identifiers := []

sensitive_fields := ["pages"]

plain_fields := ["house"]

knows_fields := object.subset(fields, request.fields)

# Who is a party no more, and whether the document binds the requester now.
gone := document.gone("reading")

binds := false if {
	request.at < 1772323200000000
} else := false if {
	request.at >= 1803859200000000
} else := false if {
	role == ""
} else if {
	gone == []
} else := document.stays(parties, gone, false)

# Whose rows are asked for.
contributors := members_partner if {
	gone == []
} else := document.present(members_partner, gone)

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
	data.accordant.documents.reading_v2.broader[request.purpose]
} else := purposes.same(data.accordant.documents.reading_v2.terms)

one_node := count(nodes) == 1

up := graph.reachable(data.accordant.documents.reading_v2.broader, nodes)

above := purposes.above(data.accordant.documents.reading_v2.broader, nodes)

related := up | graph.reachable(data.accordant.documents.reading_v2.narrower, nodes)

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

# When time alone may change the answer next: a day that the document names.
moments := [next_day]

next_day := 1772323200000000 if {
	request.at < 1772323200000000
} else := 1803859200000000 if {
	request.at < 1803859200000000
} else := null

# What the clauses ask.
to_partner := role == "partner"

for_improve := "improve" in up if {
	one_node
} else := purposes.within(above, {"improve"})

keeps_identifiers := document.keeps(document.set_of(identifiers))

to_everyone := role != ""

for_compare := "compare" in up if {
	one_node
} else := purposes.within(above, {"compare"})

only_pages := object.subset(["pages"], request.fields)

about_ads := count(related & {"ads"}) > 0

# METADATA
# title: "One's own readers"
# custom:
#   mou: "reading"
#   version: 2
#   clause: "1"
#   kind: "permit"
#   text_sha256: "a2a2d9789c6f3c8282c9348c5259de7495bbb16048ad0eb63a4dbbee54dc8900"
clause_1 := "to" if {
	to_partner == false
} else := "view" if {
	views.at_most_identified == false
} else := "rows" if {
	asks_only_own == false
} else := "purpose" if {
	for_improve == false
} else := "fields" if {
	knows_fields == false
} else := "fields" if {
	keeps_identifiers == false
} else := "matched" if {
	to_partner == true
	views.at_most_identified == true
	asks_only_own == true
	for_improve == true
	knows_fields == true
	keeps_identifiers == true
}

# METADATA
# title: "Side by side"
# custom:
#   mou: "reading"
#   version: 2
#   clause: "2"
#   kind: "permit"
#   text_sha256: "5e4f55e9d8349454d4f6cf0ffdc39270b8801e3db8127bc82a6d93f37368ac6c"
clause_2 := "to" if {
	to_everyone == false
} else := "view" if {
	views.at_most_aggregate == false
} else := "rows" if {
	asks_some == false
} else := "purpose" if {
	for_compare == false
} else := "fields" if {
	only_pages == false
} else := "matched" if {
	to_everyone == true
	views.at_most_aggregate == true
	asks_some == true
	for_compare == true
	only_pages == true
}

# METADATA
# title: "Never"
# custom:
#   mou: "reading"
#   version: 2
#   clause: "3"
#   kind: "prohibit"
#   text_sha256: "eb384e7f8b29e9ea21ef1c36f5c9130c7cf8c8e344b40746463a09080440e509"
clause_3 := "rows" if {
	asks_some == false
} else := "purpose" if {
	about_ads == false
} else := "matched" if {
	asks_some == true
	about_ads == true
}

# What matches, where the document binds.

overdue := [] if {
	binds == false
} else := []

touching := [] if {
	binds == false
} else := [] if {
	["matched" in [clause_3]] == [false]
} else := array.flatten([cited_clause_3])

cited_clause_3 := [["reading_v2", "3"]] if {
	clause_3 == "matched"
} else := [] if {
	clause_3 != "matched"
}

covering := [] if {
	binds == false
} else := array.flatten([cited_clause_1, cited_clause_2])

cited_clause_1 := [["reading_v2", "1"]] if {
	clause_1 == "matched"
} else := [] if {
	clause_1 != "matched"
}

cited_clause_2 := [["reading_v2", "2"]] if {
	clause_2 == "matched"
} else := [] if {
	clause_2 != "matched"
}

prohibited := [] if {
	binds == false
} else := [] if {
	touching == []
} else := document.unlifted("reading_v2", touching, covering)

consents := [] if {
	binds == false
} else := []

binding := binds

rows := [["reading_v2", asked, asks_others]]

# The clauses examined: all, or none where one of these lists could not be worked out.
default documents := [["reading_v2", true, []]]

documents := [["reading_v2", false, []]] if {
	binds == false
	moments
} else := [["reading_v2", true, ["1", "2", "3"]]] if {
	binds == true
	moments
	overdue
	touching
	covering
	prohibited
	consents
}
