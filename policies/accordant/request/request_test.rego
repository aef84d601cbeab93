package accordant.request_test

import data.accordant.request

_asked(fields, more, facts) := ["north", "d", fields, "all", null, "aggregate", "improve", 100, null, null, more, facts]

test_fields_returned if request.fields == {"a", "b"} with input as _asked(["a", "b"], [], [])

test_every_field_that_is_looked_at_counts if {
	more := [[["c", "eq", 1]], ["d"], [["mean", "e"], ["clients", null]], ["-f", "g"]]
	request.fields == {"a", "b", "c", "d", "e", "f", "g"} with input as _asked(["a", "b"], more, [])
}

test_a_measure_of_clients_names_no_field if {
	request.nameless == true with input as _asked([], [[], [], [["clients", null]], []], [])
	request.nameless == false with input as _asked(["a"], [], [])
}

test_facts_are_none_or_four_lists if {
	facts := [["ack"], ["app"], ["wit"], ["ove"]]
	[["ack"], ["app"], ["wit"], ["ove"]] == _facts_of(_asked(["a"], [], facts))
	[[], [], [], []] == _facts_of(_asked(["a"], [], []))
}

_facts_of(asked) := found if {
	found := [request.acknowledged, request.approved, request.withdrawn, request.overdue] with input as asked
}

test_instants_and_days_are_numbers if {
	request.sound with input as _asked(["a"], [], [])
	request.sound with input as _asked(["a"], [], [[["m", "5", "north", 20500]], [], [["m", "north", 3]], []])
	not _sound([[["m", "5", "north", "20500"]], [], [], []])
	not _sound([[], [], [["m", "north", "3"]], []])
}

_sound(facts) if {
	request.sound with input as _asked(["a"], [], facts)
}
