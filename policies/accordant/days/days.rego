# METADATA
# title: Days
# description: >
#   Days of the calendar as integers (0 is 1970-01-01), the day a period later, and the first instant of a local day.
#   A month later than a day that the month lacks is its last day. The calendar's arithmetic counts eras of 400 years
#   that begin in March, so that the leap day comes last.
package accordant.days

# METADATA
# description: "`2026-09-01` as [year, month, day]"
parse(text) := [_number(year, 10000), _number(month, 100), _number(day, 100)] if {
	[year, month, day] := split(text, "-")
}

# A digit before the number, taken off again: `08` alone is not a number in JSON.
_number(digits, base) := to_number(concat("", ["1", digits])) - base

# METADATA
# description: the number of a day
ordinal([year, month, day]) := ((era * 146097) + day_of_era) - 719468 if {
	shifted := year - floor((14 - month) / 12)
	era := floor(shifted / 400)
	year_of_era := shifted - (era * 400)
	march_month := (month + 9) % 12
	day_of_year := floor(((153 * march_month) + 2) / 5) + (day - 1)
	day_of_era := (((year_of_era * 365) + floor(year_of_era / 4)) - floor(year_of_era / 100)) + day_of_year
}

# METADATA
# description: a day's number as [year, month, day]
date(number) := [year, month, day] if {
	shifted := number + 719468
	era := floor(shifted / 146097)
	day_of_era := shifted - (era * 146097)
	leaps := (floor(day_of_era / 1460) - floor(day_of_era / 36524)) + floor(day_of_era / 146096)
	year_of_era := floor((day_of_era - leaps) / 365)
	day_of_year := day_of_era - (((365 * year_of_era) + floor(year_of_era / 4)) - floor(year_of_era / 100))
	march_month := floor(((5 * day_of_year) + 2) / 153)
	day := (day_of_year - floor(((153 * march_month) + 2) / 5)) + 1
	month := ((march_month + 2) % 12) + 1
	year := (year_of_era + (era * 400)) + floor((14 - month) / 12)
}

# METADATA
# description: the number of the day a period, `[months, days]`, later than a day
after([year, month, day], [months, days]) := (first + (_lesser(day, length) - 1)) + days if {
	index := ((year * 12) + (month - 1)) + months
	first := ordinal([floor(index / 12), (index % 12) + 1, 1])
	following := index + 1
	length := ordinal([floor(following / 12), (following % 12) + 1, 1]) - first
}

# METADATA
# description: >
#   The first instant of a day, in microseconds. `offsets` lists the zone's spans `[from, until, offset]`: the day begins
#   in the first span that reaches its midnight, or at the span's own beginning where clocks skipped midnight.
start(number, offsets) := reached[0] if {
	midnight := number * 86400000000
	reached := [_greater(from, midnight - offset) |
		some [from, until, offset] in offsets
		midnight - offset < until
	]
}

# Not `min` and `max`: rego-cpp 1.5.2 compares the numbers of a list by their digits, so that 5 is more than 11.
_lesser(a, b) := a if {
	a < b
} else := b

_greater(a, b) := a if {
	a > b
} else := b

# METADATA
# description: >
#   For each of some days the instant at which it begins, and the one at which an acknowledgement on it has run out: the
#   day after the grace that begins when the period has. For documents that live too long to have a table of these.
spans(found, period, grace, offsets) := [span |
	some day in found
	span := _span(day, period, grace, offsets)
]

_span(day, period, grace, offsets) := [start(day, offsets), start(graced + 1, offsets)] if {
	due := after(date(day), period)
	graced := after(date(due), grace)
}
