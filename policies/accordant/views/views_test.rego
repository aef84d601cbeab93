package accordant.views_test

import data.accordant.views

_asked(view) := ["north", "d", ["a"], "all", null, view, "improve", 100, null, null, [], []]

_allowed(view) := found if {
	found := [views.at_most_identified, views.at_most_pseudonymised, views.at_most_aggregate] with input as _asked(view)
}

test_each_view_and_those_below_it if {
	_allowed("identified") == [true, false, false]
	_allowed("pseudonymised") == [true, true, false]
	_allowed("aggregate") == [true, true, true]
	_allowed("other") == [false, false, false]
}
