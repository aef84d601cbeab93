package accordant.clauses_test

import data.accordant.clauses

_catalogue := {"datasets": {"d": ["m_v1", "n_v1"]}}

_documents := {
	"m_v1": {"id": "m", "exceptions": {"3": ["1"]}},
	"n_v1": {"id": "n", "exceptions": {}},
}

_paper := {
	"touching": [],
	"covering": [["m_v1", "1"], ["m_v1", "2"], ["n_v1", "1"], ["n_v1", "2"]],
	"overdue": [["m_v1", "5"]],
}

_asked(dataset, mou, under) := ["north", dataset, ["a"], "all", null, "aggregate", "improve", 100, mou, under, [], []]

_permitted(changes, asked) := found if {
	found := clauses.permitted with input as asked
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as {"d": object.union(_paper, changes)}
}

test_all_permits_in_the_order_of_documents if _permitted({}, _asked("d", null, null)) == _paper.covering

test_the_document_and_the_clause_named if {
	_permitted({}, _asked("d", "n", "2")) == [["n_v1", "2"]]
	_permitted({}, _asked("d", null, "2")) == [["m_v1", "2"], ["n_v1", "2"]]
}

test_a_permit_stands_only_in_every_exception if {
	_permitted({"touching": [["m_v1", "3"]]}, _asked("d", null, null)) == [["m_v1", "1"]]
	_permitted({"touching": [["m_v1", "3"], ["n_v1", "4"]]}, _asked("d", null, null)) == []
}

test_what_a_dataset_says if {
	found := clauses.overdue with input as _asked("d", null, null)
		with data.accordant.catalogue as _catalogue
		with data.accordant.datasets as {"d": _paper}
	found == [["m_v1", "5"]]
}

test_nobody_says_anything_of_an_unknown_dataset if {
	found := clauses.overdue with input as _asked("e", null, null)
		with data.accordant.catalogue as _catalogue
		with data.accordant.datasets as {"d": _paper}
	found == []
}

test_what_cannot_be_worked_out_is_not_nothing if {
	not _worked_out(object.remove(_paper, ["overdue"]))
}

_worked_out(paper) if {
	clauses.overdue with input as _asked("d", null, null)
		with data.accordant.catalogue as _catalogue
		with data.accordant.datasets as {"d": paper}
}
