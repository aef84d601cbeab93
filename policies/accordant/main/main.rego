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
#   The one entrypoint. Answers the outcome with its reasons, every clause examined, and the revision of the MOUs.
# entrypoint: true
decision := {
	"answer": _answer,
	"documents": clauses.documents,
	"revision": data.accordant.catalogue.revision,
	"valid_until": moments.valid_until,
} if {
	request.sound == true
}

_answer := ["permit", "permitted", [_basis], _also, _rows, _protection, clauses.consents] if {
	_not_prohibited
	_approved == true
} else := ["review", "approval-needed", [_basis]] if {
	_not_prohibited
	_approved == false
} else := ["gap", "no-clause"] if {
	_not_prohibited
	clauses.permitted == []
} else := ["deny", "prohibited", clauses.prohibited] if {
	_not_overdue
	count(clauses.prohibited) > 0
} else := ["deny", "duty-overdue", clauses.overdue] if {
	validity.reasons == []
	count(clauses.overdue) > 0
} else := ["deny", "no-mou-in-force"] if {
	validity.reasons == []
	clauses.binding == []
} else := ["invalid", validity.reasons[0]]

_not_overdue if {
	validity.reasons == []
	clauses.binding != []
	clauses.overdue == []
}

_not_prohibited if {
	_not_overdue
	clauses.prohibited == []
}

_basis := clauses.permitted[0]

_also := array.slice(clauses.permitted, 1, count(clauses.permitted))

_permit := data.accordant.documents[_basis[0]].protect[_basis[1]]

_rows := data.accordant.datasets[request.dataset][_basis[0]].asked

_asks_others := data.accordant.datasets[request.dataset][_basis[0]].asks_others

_protection := protection.needed(_permit, _asks_others)

_approved if {
	_permit.review == "none"
} else if {
	[_permit.review, _asks_others] == ["contributors", false]
} else := count([fact |
	some fact in input.facts.approved
	fact.party == request.party
	fact.mou == data.accordant.documents[_basis[0]].id
	fact.under == _basis[1]
]) > 0
