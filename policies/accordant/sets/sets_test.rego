package accordant.sets_test

import data.accordant.sets

test_inside if {
	sets.inside({"a"}, ["a", "b"]) == true
	sets.inside(set(), ["a"]) == true
	sets.inside({"a", "c"}, ["a", "b"]) == false
}

test_meet if {
	sets.meet({"a", "c"}, {"a", "b"}) == true
	sets.meet({"c"}, {"a", "b"}) == false
	sets.meet(set(), {"a"}) == false
}

test_what_is_no_set_has_no_answer if {
	not _answered(input.words) with input as {"words": "a"}
}

_answered(words) if sets.meet(words, {"a"}) in [true, false]
