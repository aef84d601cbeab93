# METADATA
# title: Views
# description: >
#   `identified` reveals more than `pseudonymised`, and that more than `aggregate`. Each rule says whether the view asked
#   for is no more revealing than its name.
package accordant.views

import data.accordant.request

# METADATA
# description: no more revealing than names in clear
at_most_identified := request.view in ["identified", "pseudonymised", "aggregate"]

# METADATA
# description: no more revealing than pseudonyms
at_most_pseudonymised := request.view in ["pseudonymised", "aggregate"]

# METADATA
# description: no more revealing than figures
at_most_aggregate := request.view == "aggregate"
