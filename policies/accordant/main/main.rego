# METADATA
# title: The decision
# description: >
#   The order of the rules is the language's: a request that is not valid, no MOU in force, an overdue duty, a
#   prohibition, a gap, a review, a permit. Each branch names what it needs to be so, and no branch answers for another
#   that could not be worked out: then there is no decision, and the gateway lets nothing leave.
package accordant.main

import data.accordant.clauses
import data.accordant.moments
import data.accordant.protection
import data.accordant.request
import data.accordant.validity

# METADATA
# title: Decide
# description: >
#   The one entrypoint. Answers the outcome with its reasons, every document with the clauses examined, the revision of the
#   MOUs, and until when time alone cannot change it. Where something could not be worked out, nothing is answered.
# entrypoint: true
decision := [_answer, clauses.documents, data.accordant.catalogue.revision, moments.valid_until] if {
	request.sound == true
} else := [["unanswered"], clauses.documents, data.accordant.catalogue.revision, null]

_answer := ["permit", "permitted", [_basis], _also, _rows, _protection, clauses.consents] if {
	_not_prohibited
	_approved == true
} else := ["gap", "no-clause"] if {
	_not_prohibited
	clauses.permitted == []
} else := ["review", "approval-needed", [_basis]] if {
	_not_prohibited
	_approved == false
} else := ["deny", "prohibited", clauses.prohibited] if {
	_not_overdue
	count(clauses.prohibited) > 0
} else := ["deny", "duty-overdue", clauses.overdue] if {
	validity.reason == null
	clauses.binding == true
	count(clauses.overdue) > 0
} else := ["deny", "no-mou-in-force"] if {
	validity.reason == null
	clauses.binding == false
} else := ["invalid", validity.reason] if {
	validity.reason != null
}

_not_overdue if {
	validity.reason == null
	clauses.binding == true
	clauses.overdue == []
}

_not_prohibited if {
	_not_overdue
	clauses.prohibited == []
}

_basis := clauses.permitted[0]

_also := [] if {
	count(clauses.permitted) == 1
} else := array.slice(clauses.permitted, 1, count(clauses.permitted))

_permit := data.accordant.documents[_basis[0]].protect[_basis[1]]

_meant := clauses.rows[0] if {
	count(clauses.rows) == 1
} else := _of_basis[0]

_of_basis := [meant | some meant in clauses.rows; meant[0] == _basis[0]]

_rows := _meant[1]

_asks_others := _meant[2]

_protection := protection.needed(_permit, _asks_others)

_approved if {
	_permit.review == "none"
} else if {
	[_permit.review, _asks_others] == ["contributors", false]
} else := count([approval |
	some approval in request.approved
	approval == [data.accordant.documents[_basis[0]].id, _basis[1], request.party]
]) > 0
