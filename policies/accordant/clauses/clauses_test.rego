package accordant.clauses_test

import data.accordant.clauses

_catalogue := {"datasets": {"d": ["m_v1", "n_v1"]}}

_documents := {
	"m_v1": {"id": "m", "exceptions": {"3": ["1"]}},
	"n_v1": {"id": "n", "exceptions": {}},
}

_paper(changes) := object.union(
	{
		"id": "m",
		"binds": true,
		"examined": ["1", "3"],
		"overdue": [],
		"touching": [],
		"prohibiting": [],
		"covering": ["1", "2"],
		"consents": [],
		"moments": [],
	},
	changes,
)

_asked(changes) := {"request": object.union({"dataset": "d", "mou": null, "under": null}, changes)}

test_only_documents_that_bind_count if {
	found := clauses.permitted with input as _asked({})
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as {"d": {"m_v1": _paper({}), "n_v1": _paper({"id": "n", "binds": false})}}
	found == [["m_v1", "1"], ["m_v1", "2"]]
}

test_in_the_order_of_documents if {
	found := clauses.permitted with input as _asked({})
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as {"d": {"m_v1": _paper({}), "n_v1": _paper({"id": "n"})}}
	found == [["m_v1", "1"], ["m_v1", "2"], ["n_v1", "1"], ["n_v1", "2"]]
}

test_the_document_and_the_clause_named if {
	both := {"d": {"m_v1": _paper({}), "n_v1": _paper({"id": "n"})}}
	found := clauses.permitted with input as _asked({"mou": "n", "under": "2"})
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as both
	found == [["n_v1", "2"]]
}

test_a_permit_stands_only_in_every_exception if {
	lifted := {"d": {"m_v1": _paper({"touching": ["3"]}), "n_v1": _paper({"id": "n"})}}
	found := clauses.permitted with input as _asked({})
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as lifted
	found == [["m_v1", "1"]]
}

test_a_document_of_which_a_clause_has_no_conditions_is_not_there if {
	broken := object.remove(_paper({}), ["examined"])
	found := clauses.documents with input as _asked({})
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as {"d": {"m_v1": broken, "n_v1": _paper({"id": "n"})}}
	found == [["n_v1", true, ["1", "3"]]]
}

test_prohibitions_duties_and_consents if {
	touched := _paper({
		"overdue": ["5"],
		"touching": ["3", "4"],
		"prohibiting": ["4"],
		"consents": [["6", ["south"]]],
	})
	papers := {"d": {"m_v1": touched, "n_v1": _paper({"id": "n"})}}
	overdue := clauses.overdue with input as _asked({})
		with data.accordant.catalogue as _catalogue
		with data.accordant.datasets as papers
	overdue == [["m_v1", "5"]]
	prohibited := clauses.prohibited with input as _asked({})
		with data.accordant.catalogue as _catalogue
		with data.accordant.datasets as papers
	prohibited == [["m_v1", "4"]]
	consents := clauses.consents with input as _asked({})
		with data.accordant.catalogue as _catalogue
		with data.accordant.datasets as papers
	consents == [[["m_v1", "6"], ["south"]]]
}
