# METADATA
# title: Validity
# description: >
#   A request that no document given can speak about is invalid, whoever asks (language, *The decision*, 1). Each check
#   answers true when the fault is there; the first in this order is the reason.
package accordant.validity

import data.accordant.clauses
import data.accordant.request

default _documents := []

_documents := data.accordant.catalogue.datasets[request.dataset]

# What each document that defines the dataset knows: `[fields, purpose, from, some rows, rows of others]`.
_known := [known |
	some document in _documents
	known := data.accordant.datasets[request.dataset][document].knows
]

_knows_fields := true in [fields | some [fields, _, _, _, _] in _known]

_knows_purpose := true in [purpose | some [_, purpose, _, _, _] in _known]

_knows_from := true in [from | some [_, _, from, _, _] in _known]

_finds_rows := true in [rows | some [_, _, _, rows, _] in _known]

_finds_others := true in [others | some [_, _, _, _, others] in _known]

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
	_known_party == false,
	_documents == [],
	[request.nameless, request.measures] == [true, []],
	[request.measures == [], request.view == "aggregate"] == [false, false],
	_knows_fields == false,
	_knows_purpose == false,
	request.from == [],
	_knows_from == false,
	_unknown_mou,
	_unknown_clause,
	_finds_rows == false,
	_filtered(_not_a_level),
	_filtered(_undeclared),
]

# METADATA
# description: >
#   The first reason for which the request is invalid, or null. Most requests name nothing that could be unknown but what
#   one document knows whole: then nothing else needs to be looked at.
reason := null if {
	clauses.known == true
	_plain
} else := _faults[0] if {
	true in _found
} else := null if {
	every fault in _found { fault == false }
}

_faults := [name |
	some i in numbers.range(0, count(_reasons) - 1)
	_found[i] == true
	name := _reasons[i]
]

default _known_party := false

_known_party := data.accordant.catalogue.parties[request.party]

_unknown_mou := false if {
	request.mou == null
} else := object.get(data.accordant.catalogue.mous, request.mou, null) == null

_unknown_clause := false if {
	request.under == null
} else := object.get(data.accordant.catalogue.clauses, request.under, false) == false if {
	request.mou == null
} else := object.get(object.get(data.accordant.catalogue.mous, request.mou, {}), request.under, false) == false

# Filters are bound to declared levels only in an aggregate over rows of others.
_filtered(fault) := false if {
	request.filters == []
} else := false if {
	request.view != "aggregate"
} else := [_finds_others, fault] == [true, true]

_not_a_level := count([op |
	some [_, op, _] in request.filters
	not op in ["eq", "in"]
]) > 0

_undeclared := count([value |
	some filter in request.filters
	levels := _levels(filter[0])
	count(levels) > 0
	some value in _values(filter)
	not value in levels
]) > 0

_levels(field) := {level |
	asked := field
	some document in _documents
	some level in data.accordant.documents[document].levels[request.dataset][asked]
}

_values(filter) := filter[2] if {
	is_array(filter[2])
	filter[1] == "in"
} else := [filter[2]]

_plain if {
	request.nameless == false
	request.mou == null
	request.under == null
	request.filters == []
	_measured
}

_measured if request.measures == []

_measured if request.view == "aggregate"
