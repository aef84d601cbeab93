# METADATA
# title: Views
# description: >
#   `identified` reveals more than `pseudonymised`, and that more than `aggregate`. Each list holds the views that are
#   no more revealing than its name.
package accordant.views

# METADATA
# description: no more revealing than names in clear
at_most_identified := ["identified", "pseudonymised", "aggregate"]

# METADATA
# description: no more revealing than pseudonyms
at_most_pseudonymised := ["pseudonymised", "aggregate"]

# METADATA
# description: no more revealing than figures
at_most_aggregate := ["aggregate"]
