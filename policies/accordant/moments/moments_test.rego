package accordant.moments_test

import data.accordant.moments

_catalogue := {"datasets": {"d": ["m_v1", "n_v1"]}}

_documents := {"m_v1": {"id": "m"}, "n_v1": {"id": "n"}}

_until(at, found, withdrawn) := until if {
	until := moments.valid_until with input as [
		"north",
		"d",
		["a"],
		"all",
		null,
		"aggregate",
		"improve",
		at,
		null,
		null,
		[],
		[[], [], withdrawn, []],
	]
		with data.accordant.catalogue as _catalogue
		with data.accordant.documents as _documents
		with data.accordant.datasets as {"d": {"moments": found}}
}

test_the_earliest_of_several if {
	_until(0, [40, 5, 11], []) == 5
	_until(0, [40, null, 11], []) == 11
	_until(0, [7], []) == 7
	_until(0, [null], []) == null
	_until(0, [null, null], []) == null
}

test_a_withdrawal_counts if {
	_until(10, [30], [["n", "north", 20]]) == 20
	_until(10, [30], [["other", "north", 20]]) == 30
	_until(10, [30], [["n", "north", 10]]) == 30
	_until(40, [null], [["m", "north", 41]]) == 41
}
