# METADATA
# title: The request
# description: What is asked, each value read once. `at` is an integer, microseconds since 1970-01-01T00:00:00Z.
package accordant.request

# METADATA
# description: the party that asks
party := input.request.party

# METADATA
# description: the dataset asked for
dataset := input.request.dataset

# METADATA
# description: whose rows, `own`, `others` or `all`, as the requester sees them
rows := input.request.rows

# METADATA
# description: the parties whose rows are asked for, or null
from := input.request.from

# METADATA
# description: how revealing the answer would be
view := input.request.view

# METADATA
# description: the one purpose declared
purpose := input.request.purpose

# METADATA
# description: the instant, the server's
at := input.request.at

# METADATA
# description: the MOU relied on, or null
mou := input.request.mou

# METADATA
# description: the clause relied on, or null
under := input.request.under

# METADATA
# description: the conditions on rows
filters := input.request.filters

# METADATA
# description: the figures asked for
measures := input.request.measures

# METADATA
# description: every instant is a number; what is not one compares with everything, and tells nothing
sound if {
	is_number(at)
	every fact in input.facts.withdrawn { is_number(fact.at) }
}

# METADATA
# description: every field that is returned, filtered, grouped, measured or ordered by
fields := {field | some field in _named}

# METADATA
# description: nothing is asked for by name (only the measure `clients` can be)
nameless := count(fields) == 0

_named := input.request.fields if _plain

_named := array.concat(array.concat(input.request.fields, input.request.group_by), _looked_at) if not _plain

default _plain := false

_plain if [input.request.group_by, filters, measures, input.request.order_by] == [[], [], [], []]

_looked_at := array.concat(
	array.concat(
		[filter.field | some filter in filters],
		[measure.field | some measure in measures; is_string(measure.field)],
	),
	[trim_prefix(key, "-") | some key in input.request.order_by],
)
