# METADATA
# title: Protection
# description: >
#   What figures or rows need before they leave, defaults filled in (language, *Protection*; docs/decisions.md, R15).
#   A document's `protect` names every key, null where the clause is silent.
package accordant.protection

import data.accordant.request

# METADATA
# description: as [kind, minimum cell, other parties, dominance, k]
needed(permit, asks_others) := ["none", null, null, null, null] if {
	asks_others == false
} else := ["none", null, null, null, null] if {
	request.view == "identified"
} else := ["pseudonymised", null, null, null, _default(permit.k, _rows_default(permit))] if {
	request.view == "pseudonymised"
} else := ["aggregate", _at_least(11, _default(permit.k, 11)), 3, 0.8, null] if {
	permit.view == "pseudonymised"
} else := [
	"aggregate",
	_default(permit.minimum_cell, 11),
	_default(permit.other_parties, 3),
	_default(permit.dominance, 0.8),
	null,
]

_rows_default(permit) := 11 if {
	permit.view == "pseudonymised"
} else := null

_default(value, otherwise) := otherwise if {
	value == null
} else := value

_at_least(least, number) := number if {
	number > least
} else := least
