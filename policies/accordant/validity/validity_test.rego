package accordant.validity_test

import data.accordant.validity

_request := {
	"party": "north",
	"dataset": "d",
	"fields": ["a"],
	"from": null,
	"view": "aggregate",
	"mou": null,
	"under": null,
	"filters": [],
	"measures": [],
}

_asked(changes) := [
	asked.party,
	asked.dataset,
	asked.fields,
	"all",
	asked.from,
	asked.view,
	"improve",
	100,
	asked.mou,
	asked.under,
	[asked.filters, [], asked.measures, []],
	[],
] if {
	asked := object.union(_request, changes)
}

_catalogue := {
	"parties": {"north": true},
	"mous": {"m": {"1": true, "2": true}, "n": {"9": true}},
	"clauses": {"1": true, "2": true, "9": true},
	"datasets": {"d": ["m_v1"]},
}

_known := [true, true, true, true, true]

_documents := {"m_v1": {"levels": {"d": {"a": ["low", 1], "b": [], "c": [true, false]}}}}

_reason(changes, known) := found if {
	found := validity.reason with input as _asked(changes)
		with data.accordant.catalogue as _catalogue
		with data.accordant.datasets as {"d": {"known": false, "m_v1": {"knows": known}}}
		with data.accordant.documents as _documents
}

test_a_valid_request_has_no_reason if _reason({}, _known) == null

test_each_reason if {
	_reason({"party": "stranger"}, _known) == "unknown-party"
	_reason({"dataset": "e"}, _known) == "unknown-dataset"
	_reason({"fields": []}, _known) == "no-fields"
	_reason({"view": "identified", "measures": [["clients", null]]}, _known) == "measures-need-aggregate"
	_reason({}, [false, true, true, true, true]) == "unknown-field"
	_reason({}, [true, false, true, true, true]) == "unknown-purpose"
	_reason({"from": []}, _known) == "empty-from"
	_reason({}, [true, true, false, true, true]) == "unknown-from"
	_reason({"mou": "z"}, _known) == "unknown-mou"
	_reason({"under": "3"}, _known) == "unknown-clause"
	_reason({}, [true, true, true, false, true]) == "no-rows"
}

test_the_first_reason_comes_first if {
	_reason({"party": "stranger", "fields": []}, _known) == "unknown-party"
}

test_a_clause_is_looked_for_in_the_document_named if {
	_reason({"mou": "m", "under": "2"}, _known) == null
	_reason({"mou": "m", "under": "9"}, _known) == "unknown-clause"
	_reason({"under": "9"}, _known) == null
}

test_filters_of_an_aggregate_over_others if {
	_reason({"filters": [["a", "eq", "low"]]}, _known) == null
	_reason({"filters": [["a", "in", ["low", 1]]]}, _known) == null
	_reason({"filters": [["a", "eq", "high"]]}, _known) == "undeclared-level"
	_reason({"filters": [["a", "in", ["low", "1"]]]}, _known) == "undeclared-level"
	_reason({"filters": [["b", "eq", "any"]]}, _known) == null
	_reason({"filters": [["c", "eq", 1]]}, _known) == "undeclared-level"
	_reason({"filters": [["a", "gt", 1]]}, _known) == "filter-not-a-level"
}

test_own_rows_are_filtered_by_any_value if {
	_reason({"filters": [["a", "gt", 7]]}, [true, true, true, true, false]) == null
}

test_rows_are_filtered_by_any_value if {
	_reason({"view": "identified", "filters": [["a", "gt", 7]]}, _known) == null
}

test_what_one_document_knows_whole_is_valid if {
	found := validity.reason with input as _asked({"filters": []})
		with data.accordant.catalogue as _catalogue
		with data.accordant.datasets as {"d": {"known": true}}
	found == null
}
