package accordant.purposes_test

import data.accordant.purposes

_documents := {"m_v1": {
	"broader": {"improve": [], "compare": ["improve"], "research": []},
	"narrower": {"improve": ["compare"], "compare": [], "research": []},
	"terms": {"dpv:X": ["compare"], "dpv:R": ["compare", "research"]},
}}

_asked(purpose) := {"request": {"purpose": purpose}}

test_a_node_by_its_id if {
	purposes.nodes("m_v1") == ["improve"] with input as _asked("improve")
		with data.accordant.documents as _documents
}

test_a_node_by_its_term if {
	purposes.nodes("m_v1") == ["compare"] with input as _asked("dpv:X")
		with data.accordant.documents as _documents
}

test_a_node_by_the_term_that_the_purpose_has_elsewhere if {
	found := purposes.nodes("m_v1") with input as _asked("elsewhere")
		with data.accordant.documents as _documents
		with data.accordant.catalogue as {"terms": {"elsewhere": ["dpv:R"]}}
	found == ["compare", "research"]
}

test_within_itself_and_what_is_above if {
	over := purposes.above("m_v1", ["compare"]) with data.accordant.documents as _documents
	over == [{"compare", "improve"}]
	purposes.within(over, {"improve"}) == true
	purposes.within(over, {"research"}) == false
}

test_of_several_nodes_each_must_be_within if {
	over := purposes.above("m_v1", ["compare", "research"]) with data.accordant.documents as _documents
	purposes.within(over, {"improve"}) == false
	purposes.within(over, {"improve", "research"}) == true
}

test_no_node_is_within_nothing if purposes.within([], {"improve"}) == false

test_related_up_and_down if {
	purposes.related("m_v1", ["improve"]) == {"compare", "improve"} with data.accordant.documents as _documents
}
