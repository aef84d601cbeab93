package accordant.protection_test

import data.accordant.protection

_permit := {
	"view": "aggregate",
	"minimum_cell": null,
	"other_parties": null,
	"dominance": null,
	"k": null,
}

_asked(view) := ["north", "d", ["a"], "all", null, view, "improve", 100, null, null, [], []]

test_own_rows_need_none if {
	protection.needed(_permit, false) == ["none", null, null, null, null] with input as _asked("aggregate")
}

test_identified_rows_need_none if {
	protection.needed(_permit, true) == ["none", null, null, null, null] with input as _asked("identified")
}

test_defaults_of_an_aggregate if {
	protection.needed(_permit, true) == ["aggregate", 11, 3, 0.8, null] with input as _asked("aggregate")
}

test_an_aggregate_under_a_clause_for_pseudonymised_rows if {
	lower := object.union(_permit, {"view": "pseudonymised", "k": 5, "other_parties": 9})
	higher := object.union(lower, {"k": 20})
	protection.needed(lower, true) == ["aggregate", 11, 3, 0.8, null] with input as _asked("aggregate")
	protection.needed(higher, true) == ["aggregate", 20, 3, 0.8, null] with input as _asked("aggregate")
}

test_pseudonymised_rows if {
	permit := object.union(_permit, {"view": "pseudonymised"})
	protection.needed(permit, true) == ["pseudonymised", null, null, null, 11] with input as _asked("pseudonymised")
	lower := object.union(permit, {"k": 5})
	protection.needed(lower, true) == ["pseudonymised", null, null, null, 5] with input as _asked("pseudonymised")
	identified := object.union(permit, {"view": "identified"})
	protection.needed(identified, true) == ["pseudonymised", null, null, null, null] with input as _asked("pseudonymised")
}
