package accordant.purposes_test

import data.accordant.purposes

_broader := {"improve": [], "compare": ["improve"], "research": []}

_named := {"dpv:X": ["compare"], "dpv:R": ["compare", "research"]}

_asked(purpose) := ["north", "d", ["a"], "all", null, "aggregate", purpose, 100, null, null, [], []]

test_a_node_by_its_term if purposes.same(_named) == ["compare"] with input as _asked("dpv:X")

test_a_node_by_the_term_that_the_purpose_has_elsewhere if {
	found := purposes.same(_named) with input as _asked("elsewhere")
		with data.accordant.catalogue as {"terms": {"elsewhere": ["dpv:R"]}}
	found == ["compare", "research"]
}

test_no_node if purposes.same(_named) == [] with input as _asked("unheard")

test_within_itself_and_what_is_above if {
	over := purposes.above(_broader, ["compare"])
	over == [{"compare", "improve"}]
	purposes.within(over, {"improve"}) == true
	purposes.within(over, {"research"}) == false
}

test_of_several_nodes_each_must_be_within if {
	over := purposes.above(_broader, ["compare", "research"])
	purposes.within(over, {"improve"}) == false
	purposes.within(over, {"improve", "research"}) == true
}

test_no_node_is_within_nothing if purposes.within([], {"improve"}) == false
