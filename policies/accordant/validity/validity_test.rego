package accordant.validity_test

import data.accordant.validity

_asked(changes) := {"request": object.union(
	{
		"party": "north",
		"dataset": "d",
		"fields": ["a"],
		"rows": "all",
		"from": null,
		"view": "aggregate",
		"purpose": "improve",
		"at": 100,
		"mou": null,
		"under": null,
		"filters": [],
		"group_by": [],
		"measures": [],
		"order_by": [],
	},
	changes,
)}

_catalogue := {
	"parties": {"north": true},
	"mous": {"m": {"1": true, "2": true}, "n": {"9": true}},
	"clauses": {"1": true, "2": true, "9": true},
	"datasets": {"d": ["m_v1"]},
}

_known := [true, true, true, true, true]

_documents := {"m_v1": {"levels": {"d": {"a": ["low", 1], "b": [], "c": [true, false]}}}}

_reasons(changes, known) := found if {
	found := validity.reasons with input as _asked(changes)
		with data.accordant.catalogue as _catalogue
		with data.accordant.datasets as {"d": {"m_v1": {"known": known}}}
		with data.accordant.documents as _documents
}

test_a_valid_request_has_no_reason if _reasons({}, _known) == []

test_each_reason if {
	_reasons({"party": "stranger"}, _known) == ["unknown-party"]
	_reasons({"dataset": "e"}, _known)[0] == "unknown-dataset"
	_reasons({"fields": []}, _known) == ["no-fields"]
	_reasons({"view": "identified", "measures": [{"measure": "clients", "field": null}]}, _known) == ["measures-need-aggregate"]
	_reasons({}, [false, true, true, true, true]) == ["unknown-field"]
	_reasons({}, [true, false, true, true, true]) == ["unknown-purpose"]
	_reasons({"from": []}, _known) == ["empty-from"]
	_reasons({}, [true, true, false, true, true]) == ["unknown-from"]
	_reasons({"mou": "z"}, _known) == ["unknown-mou"]
	_reasons({"under": "3"}, _known) == ["unknown-clause"]
	_reasons({}, [true, true, true, false, true]) == ["no-rows"]
}

test_the_first_reason_comes_first if {
	_reasons({"party": "stranger", "fields": []}, _known) == ["unknown-party", "no-fields"]
}

test_a_clause_is_looked_for_in_the_document_named if {
	_reasons({"mou": "m", "under": "2"}, _known) == []
	_reasons({"mou": "m", "under": "9"}, _known) == ["unknown-clause"]
	_reasons({"under": "9"}, _known) == []
}

test_filters_of_an_aggregate_over_others if {
	_reasons({"filters": [{"field": "a", "op": "eq", "value": "low"}]}, _known) == []
	_reasons({"filters": [{"field": "a", "op": "in", "value": ["low", 1]}]}, _known) == []
	_reasons({"filters": [{"field": "a", "op": "eq", "value": "high"}]}, _known) == ["undeclared-level"]
	_reasons({"filters": [{"field": "a", "op": "in", "value": ["low", "1"]}]}, _known) == ["undeclared-level"]
	_reasons({"filters": [{"field": "b", "op": "eq", "value": "any"}]}, _known) == []
	_reasons({"filters": [{"field": "c", "op": "eq", "value": 1}]}, _known) == ["undeclared-level"]
	_reasons({"filters": [{"field": "a", "op": "gt", "value": 1}]}, _known)[0] == "filter-not-a-level"
}

test_own_rows_are_filtered_by_any_value if {
	_reasons({"filters": [{"field": "a", "op": "gt", "value": 7}]}, [true, true, true, true, false]) == []
}

test_rows_are_filtered_by_any_value if {
	_reasons({"view": "identified", "filters": [{"field": "a", "op": "gt", "value": 7}]}, _known) == []
}
