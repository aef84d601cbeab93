package accordant.document_test

import data.accordant.document

_parties := ["east", "north", "south"]

_asked(changes) := {
	"request": object.union(
		{
			"party": "north",
			"dataset": "d",
			"fields": ["a", "b"],
			"rows": "all",
			"from": null,
			"view": "aggregate",
			"at": 100,
			"filters": [],
			"group_by": [],
			"measures": [],
			"order_by": [],
		},
		changes,
	),
	"facts": {"withdrawn": [
		{"mou": "m", "party": "east", "at": 100},
		{"mou": "m", "party": "south", "at": 101},
		{"mou": "other", "party": "south", "at": 1},
	]},
}

test_gone_from_the_instant_of_effect if document.gone("m") == ["east"] with input as _asked({})

test_binds_within_its_days_only if {
	document.binds(100, 101, false, "partner", []) == true with input as _asked({})
	document.binds(101, 102, false, "partner", []) == false with input as _asked({})
	document.binds(99, 100, false, "partner", []) == false with input as _asked({})
}

test_binds_no_stranger_and_nobody_who_left if {
	document.binds(0, 200, false, "", []) == false with input as _asked({})
	document.binds(0, 200, false, "partner", ["north"]) == false with input as _asked({})
	document.binds(0, 200, true, "partner", []) == false with input as _asked({})
}

test_an_instant_that_is_no_number_binds_nobody if {
	document.binds(0, 200, false, "partner", []) == false with input as _asked({"at": "now"})
}

test_rows_as_the_requester_sees_them if {
	document.asked(_parties) == ["north"] with input as _asked({"rows": "own"})
	document.asked(_parties) == ["east", "south"] with input as _asked({"rows": "others"})
	document.asked(_parties) == _parties with input as _asked({})
	document.asked(_parties) == ["south"] with input as _asked({"from": ["south", "west"]})
}

test_contributors_who_left_are_none if document.present(_parties, ["east"]) == ["north", "south"]

test_lists_together_are_in_order if document.together([["b", "a"], ["c", "a"]]) == ["a", "b", "c"]

test_touches_by_a_field if {
	document.touches({"a", "z"}, ["a", "b", "c"]) == true with input as _asked({})
	document.touches({"c"}, ["a", "b", "c"]) == false with input as _asked({})
}

test_a_request_without_fields_is_touched_where_all_are_meant if {
	nameless := _asked({"fields": [], "measures": [{"measure": "clients", "field": null}]})
	document.touches({"a", "b"}, ["a", "b"]) == true with input as nameless
	document.touches({"a"}, ["a", "b"]) == false with input as nameless
}

test_identifiers_stay_where_rows_are_pseudonymised if {
	document.keeps({"a"}) == false with input as _asked({"view": "pseudonymised"})
	document.keeps({"c"}) == true with input as _asked({"view": "pseudonymised"})
	document.keeps({"a"}) == true with input as _asked({})
}

test_from_names_parties if {
	document.knows_from(_parties) == true with input as _asked({})
	document.knows_from(_parties) == true with input as _asked({"from": ["east"]})
	document.knows_from(_parties) == false with input as _asked({"from": ["east", "west"]})
}

test_a_prohibition_is_lifted_by_a_permit_that_covers if {
	documents := {"m_v1": {"exceptions": {"3": ["1", "2"]}}}
	document.unlifted("m_v1", ["3", "4"], ["2"]) == ["4"] with data.accordant.documents as documents
	document.unlifted("m_v1", ["3", "4"], []) == ["3", "4"] with data.accordant.documents as documents
}

test_matching_needs_every_condition if {
	document.matching([["1", [true, true]], ["2", [true, false]], ["3", []]]) == ["1", "3"]
}
