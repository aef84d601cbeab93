package accordant.document_test

import data.accordant.document

_parties := ["east", "north", "south"]

_left := [["m", "east", 100], ["m", "south", 101], ["other", "south", 1]]

_request := {
	"fields": ["a", "b"],
	"rows": "all",
	"from": null,
	"view": "aggregate",
	"more": [],
}

_asked(changes) := [
	"north",
	"d",
	asked.fields,
	asked.rows,
	asked.from,
	asked.view,
	"improve",
	100,
	null,
	null,
	asked.more,
	[[], [], _left, []],
] if {
	asked := object.union(_request, changes)
}

test_gone_from_the_instant_of_effect if document.gone("m") == ["east"] with input as _asked({})

test_binds_while_neither_the_requester_nor_who_ends_it_left if {
	document.stays(_parties, ["east"], false) == true with input as _asked({})
	document.stays(_parties, ["north"], false) == false with input as _asked({})
	document.stays(_parties, ["east"], true) == false with input as _asked({})
	document.stays(_parties, ["west"], true) == true with input as _asked({})
}

test_rows_as_the_requester_sees_them if {
	document.asked(_parties) == ["north"] with input as _asked({"rows": "own"})
	document.asked(_parties) == ["east", "south"] with input as _asked({"rows": "others"})
	document.asked(_parties) == _parties with input as _asked({})
	document.asked(_parties) == ["south"] with input as _asked({"from": ["south", "west"]})
}

test_contributors_who_left_are_none if document.present(_parties, ["east"]) == ["north", "south"]

test_lists_together_are_in_order if document.together([["b", "a"], ["c", "a"]]) == ["a", "b", "c"]

test_a_request_without_fields_is_touched_where_all_are_meant if {
	nameless := _asked({"fields": [], "more": [[], [], [["clients", null]], []]})
	document.touches_all(["a", "b"]) == true with input as nameless
	document.touches_all(["a", "c"]) == true with input as _asked({})
	document.touches_all(["c"]) == false with input as _asked({})
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
	touching := [["m_v1", "3"], ["m_v1", "4"]]
	documents := {"m_v1": {"exceptions": {"3": ["1", "2"]}}}
	document.unlifted("m_v1", touching, [["m_v1", "2"]]) == [["m_v1", "4"]] with data.accordant.documents as documents
	document.unlifted("m_v1", touching, []) == touching with data.accordant.documents as documents
}
