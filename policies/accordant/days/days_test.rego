package accordant.days_test

import data.accordant.days

test_parse_reads_numbers_with_zeros if days.parse("2026-09-08") == [2026, 9, 8]

test_the_epoch_is_day_zero if days.ordinal([1970, 1, 1]) == 0

test_a_leap_day_and_the_day_after if {
	days.ordinal([2028, 2, 29]) == 21243
	days.ordinal([2028, 3, 1]) == 21244
}

test_ordinal_and_date_are_inverse if {
	every number in [-719468, -1, 0, 59, 60, 11016, 11017, 20454, 21243, 21244, 2932896] {
		days.ordinal(days.date(number)) == number
	}
}

test_a_month_later_than_a_day_it_lacks_is_its_last if {
	days.date(days.after([2027, 1, 31], [1, 0])) == [2027, 2, 28]
	days.date(days.after([2028, 1, 31], [1, 0])) == [2028, 2, 29]
	days.date(days.after([2028, 2, 29], [12, 0])) == [2029, 2, 28]
	days.date(days.after([2026, 12, 15], [1, 20])) == [2027, 2, 4]
}

test_a_day_begins_at_midnight_by_the_offset_of_its_time if {
	offsets := [[-9007199254740991, 1000000000000, -18000000000], [1000000000000, 9007199254740991, -21600000000]]
	days.start(1, offsets) == 104400000000
	days.start(20, offsets) == 1749600000000
}

test_a_day_without_midnight_begins_after_the_gap if {
	# Clocks go from 23:59:59 to 01:00 as day 10 begins.
	offsets := [[-9007199254740991, 864000000000, 0], [864000000000, 9007199254740991, 3600000000]]
	days.start(10, offsets) == 864000000000
}

test_a_day_whose_midnight_comes_twice_begins_at_the_first if {
	# At 01:00 of day 10 it is 00:00 again.
	offsets := [[-9007199254740991, 867600000000, 0], [867600000000, 9007199254740991, -3600000000]]
	days.start(10, offsets) == 864000000000
}

# Acknowledged on 2026-06-01 for a year, with 30 days of grace, in UTC: overdue on 2027-07-02.
test_reckoned_day_by_day if {
	forever := [[-9007199254740991, 9007199254740991, 0]]
	days.spans([20605], [12, 0], [0, 30], forever) == [[20605 * 86400000000, 21001 * 86400000000]]
}
