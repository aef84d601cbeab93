package accordant.main_test

import data.accordant.main

_asked := ["north", "d", ["a"], "all", null, "aggregate", "improve", 100, null, null, [], []]

_catalogue := {
	"revision": "r1",
	"parties": {"north": true},
	"mous": {"m": {"1": true}},
	"clauses": {"1": true},
	"terms": {},
	"datasets": {"d": ["m_v1"]},
}

_documents := {"m_v1": {
	"id": "m",
	"exceptions": {},
	"protect": {"1": {
		"view": "aggregate",
		"review": "none",
		"minimum_cell": null,
		"other_parties": null,
		"dominance": null,
		"k": null,
	}},
}}

_paper := {
	"documents": [["m_v1", true, ["1"]]],
	"binding": true,
	"known": true,
	"overdue": [],
	"touching": [],
	"prohibited": [],
	"covering": [["m_v1", "1"]],
	"consents": [],
	"moments": [200],
	"rows": [["m_v1", ["north", "south"], true]],
	"m_v1": {"knows": [true, true, true, true, true]},
}

_decision(paper) := found if {
	found := main.decision with input as _asked
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as {"d": paper}
}

_answer(changes) := _decision(object.union(_paper, changes))[0]

test_a_permit_with_its_obligations if {
	_answer({}) == [
		"permit",
		"permitted",
		[["m_v1", "1"]],
		[],
		["north", "south"],
		["aggregate", 11, 3, 0.8, null],
		[],
	]
}

test_the_order_of_the_rules if {
	every_fault := {
		"covering": [],
		"overdue": [["m_v1", "5"]],
		"prohibited": [["m_v1", "3"]],
		"touching": [["m_v1", "3"]],
	}
	unknown := {"known": false, "m_v1": {"knows": [false, true, true, true, true]}}
	_answer(object.union(every_fault, unknown)) == ["invalid", "unknown-field"]
	_answer(object.union(every_fault, {"binding": false})) == ["deny", "no-mou-in-force"]
	_answer(every_fault) == ["deny", "duty-overdue", [["m_v1", "5"]]]
	_answer(object.union(every_fault, {"overdue": []})) == ["deny", "prohibited", [["m_v1", "3"]]]
	_answer({"covering": []}) == ["gap", "no-clause"]
}

test_what_cannot_be_worked_out_is_no_decision if {
	every lost in ["binding", "overdue", "prohibited", "touching", "covering", "consents", "moments", "rows"] {
		_decision(object.remove(_paper, [lost]))[0] == ["unanswered"]
	}
	not _decision(object.remove(_paper, ["documents"]))
}

test_the_revision_and_the_moment if {
	array.slice(_decision(_paper), 1, 4) == [[["m_v1", true, ["1"]]], "r1", 200]
}
