package accordant.request_test

import data.accordant.request

_asked := {"request": {
	"party": "north",
	"dataset": "d",
	"fields": ["a", "b"],
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
}}

test_fields_returned if request.fields == {"a", "b"} with input as _asked

test_every_field_that_is_looked_at_counts if {
	more := object.union(_asked, {"request": {
		"filters": [{"field": "c", "op": "eq", "value": 1}],
		"group_by": ["d"],
		"measures": [{"measure": "mean", "field": "e"}, {"measure": "clients", "field": null}],
		"order_by": ["-f", "g"],
	}})
	request.fields == {"a", "b", "c", "d", "e", "f", "g"} with input as more
}

test_a_measure_of_clients_names_no_field if {
	more := object.union(_asked, {"request": {"fields": [], "measures": [{"measure": "clients", "field": null}]}})
	request.nameless == true with input as more
	request.nameless == false with input as _asked
}
