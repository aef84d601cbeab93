package accordant.main_test

import data.accordant.main

_asked := {
	"request": {
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
	"facts": {"acknowledged": [], "approved": [], "withdrawn": [], "overdue": []},
}

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
	"id": "m",
	"binds": true,
	"known": [true, true, true, true, true],
	"asked": ["north", "south"],
	"asks_others": true,
	"examined": ["1"],
	"overdue": [],
	"touching": [],
	"prohibiting": [],
	"covering": ["1"],
	"consents": [],
	"moments": [200],
}

_answer(changes, asked) := found if {
	found := main.decision.answer with input as asked
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as {"d": {"m_v1": object.union(_paper, changes)}}
}

test_a_permit_with_its_obligations if {
	_answer({}, _asked) == [
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
	every_fault := {"covering": [], "overdue": ["5"], "prohibiting": ["3"], "touching": ["3"]}
	_answer(object.union(every_fault, {"known": [false, true, true, true, true]}), _asked) == ["invalid", "unknown-field"]
	_answer(object.union(every_fault, {"binds": false}), _asked) == ["deny", "no-mou-in-force"]
	_answer(every_fault, _asked) == ["deny", "duty-overdue", [["m_v1", "5"]]]
	_answer(object.union(every_fault, {"overdue": []}), _asked) == ["deny", "prohibited", [["m_v1", "3"]]]
	_answer({"covering": []}, _asked) == ["gap", "no-clause"]
}

test_what_cannot_be_worked_out_is_no_decision if {
	every lost in ["known", "covering", "moments", "examined"] {
		not _answered(lost)
	}
}

# The document is missing from the answer, or there is no answer: either way nobody takes it for a decision.
_answered(lost) if {
	found := main.decision with input as _asked
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as {"d": {"m_v1": object.remove(_paper, [lost])}}
	found.answer[0] == "permit"
	count(found.documents) == 1
}

test_the_revision_and_the_moment if {
	found := main.decision with input as _asked
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as {"d": {"m_v1": _paper}}
	[found.revision, found.valid_until, found.documents] == ["r1", 200, [["m_v1", true, ["1"]]]]
}
