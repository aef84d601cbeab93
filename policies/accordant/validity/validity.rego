# METADATA
# title: Validity
# description: >
#   A request that no document given can speak about is invalid, whoever asks (language, *The decision*, 1). Each check
#   answers true when the fault is there; the first in this order is the reason.
package accordant.validity

import data.accordant.request

_catalogue := data.accordant.catalogue

_documents := object.get(_catalogue.datasets, request.dataset, [])

# What each document that defines the dataset knows: `[fields, purpose, from, some rows, rows of others]`.
_known := [known |
	some [mou, version] in _documents
	known := data.accordant.datasets[request.dataset][mou][version].known
]

_knows(position) := true in [known[position] | some known in _known]

_reasons := [
	"unknown-party",
	"unknown-dataset",
	"no-fields",
	"measures-need-aggregate",
	"unknown-field",
	"unknown-purpose",
	"empty-from",
	"unknown-from",
	"unknown-mou",
	"unknown-clause",
	"no-rows",
	"filter-not-a-level",
	"undeclared-level",
]

_found := [
	object.get(_catalogue.parties, request.party, false) == false,
	_documents == [],
	[request.nameless, request.measures] == [true, []],
	[request.measures == [], request.view == "aggregate"] == [false, false],
	_knows(0) == false,
	_knows(1) == false,
	request.from == [],
	_knows(2) == false,
	_unknown_mou,
	_unknown_clause,
	_knows(3) == false,
	_filtered(_not_a_level),
	_filtered(_undeclared),
]

# METADATA
# description: the reasons for which the request is invalid, by name; none when a decision can be made
reasons := [reason |
	some i in numbers.range(0, count(_reasons) - 1)
	_found[i] == true
	reason := _reasons[i]
] if {
	true in _found
} else := [] if {
	every fault in _found { fault == false }
}

_unknown_mou := false if {
	request.mou == null
} else := object.get(_catalogue.mous, request.mou, null) == null

_unknown_clause := false if {
	request.under == null
} else := object.get(_catalogue.clauses, request.under, false) == false if {
	request.mou == null
} else := object.get(object.get(_catalogue.mous, request.mou, {}), request.under, false) == false

# Filters are bound to declared levels only in an aggregate over rows of others.
_filtered(fault) := false if {
	request.filters == []
} else := false if {
	request.view != "aggregate"
} else := [_knows(4), fault] == [true, true]

_not_a_level := count([filter |
	some filter in request.filters
	not filter.op in ["eq", "in"]
]) > 0

_undeclared := count([value |
	some filter in request.filters
	levels := _levels(filter.field)
	count(levels) > 0
	some value in _values(filter)
	not value in levels
]) > 0

_levels(field) := {level |
	some [mou, version] in _documents
	some level in data.accordant.documents[mou][version].datasets[request.dataset].levels[field]
}

_values(filter) := filter.value if {
	is_array(filter.value)
	filter.op == "in"
} else := [filter.value]
