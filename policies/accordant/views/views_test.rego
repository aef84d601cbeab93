package accordant.views_test

import data.accordant.views

test_each_view_is_at_most_itself_and_what_reveals_more if {
	views.at_most_aggregate == ["aggregate"]
	"aggregate" in views.at_most_pseudonymised
	not "identified" in views.at_most_pseudonymised
	count(views.at_most_identified) == 3
}
