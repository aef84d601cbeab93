package accordant.moments_test

import data.accordant.moments

_catalogue := {"datasets": {"d": ["m_v1", "n_v1"]}}

_datasets := {"d": {
	"m_v1": {"id": "m", "moments": [10, 40]},
	"n_v1": {"id": "n", "moments": [5, 30]},
}}

_until(at, withdrawn) := found if {
	found := moments.valid_until with input as {
		"request": {"dataset": "d", "at": at},
		"facts": {"withdrawn": withdrawn},
	}
		with data.accordant.catalogue as _catalogue
		with data.accordant.datasets as _datasets
}

test_the_earliest_later_moment_of_any_document if {
	_until(0, []) == 5
	_until(5, []) == 10
	_until(10, []) == 30
	_until(40, []) == null
}

test_a_withdrawal_counts if {
	_until(10, [{"mou": "n", "party": "north", "at": 20}]) == 20
	_until(10, [{"mou": "other", "party": "north", "at": 20}]) == 30
	_until(40, [{"mou": "m", "party": "north", "at": 41}]) == 41
}
