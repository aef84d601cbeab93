package accordant.duties_test

import data.accordant.duties

_day := 86400000000

_asked(at, acknowledged) := [
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
	[[["m", "5", "north", day] | some day in acknowledged], [], [], [["m", "6", "north"]]],
]

# A document from 2026-01-01 (day 20454) to 2027-12-31 (day 21183).
test_days_of_the_requester_within_the_life_of_a_document if {
	asked := _asked(0, [20454, 20455, 21183, 21184])
	[20455, 21183] == duties.given("m", "5", 20454, 21183) with input as asked
	[] == duties.given("m", "6", 20454, 21183) with input as asked
	[] == duties.given("n", "5", 20454, 21183) with input as asked
}

test_others_do_not_count if {
	[] == duties.given("m", "5", 20454, 21183) with input as array.concat(["south"], array.slice(_asked(0, [20500]), 1, 12))
}

test_run_out_where_no_span_holds if {
	duties.run_out([[100, 200]]) == false with input as _asked(100, [])
	duties.run_out([[100, 200]]) == false with input as _asked(199, [])
	duties.run_out([[100, 200]]) == true with input as _asked(200, [])
	duties.run_out([[100, 200]]) == true with input as _asked(99, [])
	duties.run_out([[50, 150], [100, 200]]) == false with input as _asked(150, [])
}

test_moments_to_come_within_the_life_of_a_document if {
	[100, 200] == duties.moments([[100, 200]], 300) with input as _asked(99, [])
	[200] == duties.moments([[100, 200]], 300) with input as _asked(100, [])
	[] == duties.moments([[100, 200]], 200) with input as _asked(100, [])
}

test_other_duties_are_overdue_by_a_recorded_fact if {
	duties.recorded_overdue("m", "6") == true with input as _asked(0, [])
	duties.recorded_overdue("m", "7") == false with input as _asked(0, [])
	duties.recorded_overdue("other", "6") == false with input as _asked(0, [])
}
