# METADATA
# title: One document
# description: >
#   Who is a party to it at the instant asked about, whether it binds, and whose rows a request means as it sees them
#   (language, *Contributors*, *In force*).
package accordant.document

import data.accordant.request

# METADATA
# description: those whose notice has run out
gone(mou) := [fact.party |
	some fact in input.facts.withdrawn
	fact.mou == mou
	fact.at <= request.at
]

# METADATA
# description: in force, neither replaced by a newer version nor ended by a withdrawal, and the requester is a party
binds(start, until, ended, role, left) := [
	start <= request.at,
	request.at < until,
	ended,
	role == "",
	request.party in left,
] == [true, true, false, false, false]

# METADATA
# description: those of a list who are still parties
present(parties, left) := parties if {
	left == []
} else := [party | some party in parties; not party in left]

# METADATA
# description: the contributors whose rows are meant, R
asked(contributors) := _chosen(own(contributors)) if {
	request.rows == "own"
} else := _chosen(others(contributors)) if {
	request.rows == "others"
} else := _chosen(contributors) if {
	request.rows == "all"
}

_chosen(parties) := parties if {
	request.from == null
} else := among(parties, request.from)

# METADATA
# description: the requester's own among some parties
own(parties) := [party | some party in parties; party == request.party]

# METADATA
# description: the others among some parties
others(parties) := [party | some party in parties; party != request.party]

# METADATA
# description: those of a list that stand in another
among(parties, listed) := [party | some party in parties; party in listed]

# METADATA
# description: the members of some lists, each once, in order
together(lists) := sort([member |
	some member in {member | some list in lists; some member in list}
])

# METADATA
# description: a list's members as a set
set_of(list) := {member | some member in list}

# METADATA
# description: >
#   The request's fields meet those of a clause. A request without fields asks for how many there are of all, and is
#   touched by a clause on all fields that the dataset has.
touches(named, fields) := count(request.fields & named) > 0 if {
	request.nameless == false
} else := object.subset(named, set_of(fields))

# METADATA
# description: no identifier is asked for in pseudonymised rows
keeps(identifiers) if {
	request.view != "pseudonymised"
} else := count(request.fields & identifiers) == 0

# METADATA
# description: the document knows all parties of `from`
knows_from(parties) if {
	request.from == null
} else := object.subset(parties, set_of(request.from))

# METADATA
# description: the clauses of a list of pairs, a clause and its conditions, of whose conditions none is false
matching(clauses) := [clause |
	some [clause, conditions] in clauses
	not false in conditions
]

# METADATA
# description: the same for consents, each with the contributors of the rows that need one
consenting(clauses) := [[clause, contributors] |
	some [clause, conditions, contributors] in clauses
	not false in conditions
]

# METADATA
# description: the prohibitions that touch, less those of which a permit that is excepted covers the request
unlifted(document, touching, covering) := [clause |
	some clause in touching
	not clause in lifted
] if {
	lifted := [clause |
		some clause in touching
		_lifting(document, clause, covering) != []
	]
}

_lifting(document, clause, covering) := among(object.get(exceptions, clause, []), covering) if {
	exceptions := data.accordant.documents[document].exceptions
}
