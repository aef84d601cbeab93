# METADATA
# title: The request
# description: >
#   What is asked, each value read once. The input is a list, since both engines, and above all the one in process, are
#   quickest at that: the ten keys of a request, then what only some requests have, then the facts recorded (each of the
#   last two is empty where there are none). Instants are microseconds since 1970-01-01T00:00:00Z.
package accordant.request

# METADATA
# description: the party that asks
party := input[0]

# METADATA
# description: the dataset asked for
dataset := input[1]

# METADATA
# description: whose rows, `own`, `others` or `all`, as the requester sees them
rows := input[3]

# METADATA
# description: the parties whose rows are asked for, or null
from := input[4]

# METADATA
# description: how revealing the answer would be
view := input[5]

# METADATA
# description: the one purpose declared
purpose := input[6]

# METADATA
# description: the instant, the server's
at := input[7]

# METADATA
# description: the MOU relied on, or null
mou := input[8]

# METADATA
# description: the clause relied on, or null
under := input[9]

_more := input[10]

_facts := input[11]

# METADATA
# description: the conditions on rows, each [field, operator, value]
filters := [] if {
	_more == []
} else := _more[0]

# METADATA
# description: the figures asked for, each [measure, field or null]
measures := [] if {
	_more == []
} else := _more[2]

# METADATA
# description: "the acknowledgements given, each [MOU, clause, party, day]; a day is its number, 0 is 1970-01-01"
acknowledged := [] if {
	_facts == []
} else := _facts[0]

# METADATA
# description: the approvals given, each [MOU, clause, party]
approved := [] if {
	_facts == []
} else := _facts[1]

# METADATA
# description: the parties that leave, each [MOU, party, instant]
withdrawn := [] if {
	_facts == []
} else := _facts[2]

# METADATA
# description: the duties that are overdue, each [MOU, clause, party]
overdue := [] if {
	_facts == []
} else := _facts[3]

# METADATA
# description: every instant and day is a number; what is not one compares with everything, and tells nothing
sound if {
	is_number(at)
	_facts == []
} else if {
	is_number(at)
	every fact in withdrawn { is_number(fact[2]) }
	every fact in acknowledged { is_number(fact[3]) }
}

# METADATA
# description: every field that is returned, filtered, grouped, measured or ordered by
fields := {field | some field in _named}

# METADATA
# description: nothing is asked for by name (only the measure `clients` can be)
nameless := count(fields) == 0

_named := input[2] if {
	_more == []
} else := array.concat(array.concat(input[2], _more[1]), _looked_at)

_looked_at := array.concat(
	array.concat(
		[field | some [field, _, _] in filters],
		[field | some [_, field] in measures; is_string(field)],
	),
	[trim_prefix(key, "-") | some key in _more[3]],
)
