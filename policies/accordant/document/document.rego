# METADATA
# title: One document
# description: >
#   Who is a party to it at the instant asked about, whether it is in force, and whose rows a request means as it sees
#   them (language, *Contributors*, *In force*).
package accordant.document

import data.accordant.request
import data.accordant.sets

# METADATA
# description: what the requester is in the document, withdrawn or not; empty when it is not named there
role(mou) := object.get(mou.roles, request.party, "")

# METADATA
# description: the parties whose notice has run out
gone(mou) := {fact.party |
	some fact in input.facts.withdrawn
	fact.mou == mou.id
	fact.at <= request.at
	mou.roles[fact.party]
}

# METADATA
# description: within its days, not replaced by a newer version, not ended by a withdrawal
in_force(mou, left) := [
	mou.start <= request.at,
	request.at < mou.until,
	[mou.ends, count(left) > 0] != ["all", true],
] == [true, true, true]

# METADATA
# description: in force, and the requester is a party to it
binds(mou, left) := [in_force(mou, left), role(mou) != "", request.party in left] == [true, true, false]

# METADATA
# description: the parties of these roles, together with those named, in order
named(mou, roles, parties) := sort({party |
	some party in mou.parties
	true in [mou.roles[party] in roles, party in parties]
})

# METADATA
# description: those of a list that are still parties
present(parties, left) := parties if {
	count(left) == 0
} else := [party | some party in parties; not party in left]

# METADATA
# description: the contributors whose rows are meant, R
asked(contributors) := _chosen([party | some party in contributors; party == request.party]) if {
	request.rows == "own"
} else := _chosen([party | some party in contributors; party != request.party]) if {
	request.rows == "others"
} else := _chosen(contributors) if {
	request.rows == "all"
}

_chosen(parties) := parties if {
	request.from == null
} else := [party | some party in parties; party in request.from]

# METADATA
# description: the requester's own among some parties, as a list
own(parties) := [party | some party in parties; party == request.party]

# METADATA
# description: the others among some parties, as a list
others(parties) := [party | some party in parties; party != request.party]

# METADATA
# description: those of a list that stand in another
among(parties, listed) := [party | some party in parties; party in listed]

# METADATA
# description: a list's members as a set
members_of(list) := {member | some member in list}

# METADATA
# description: the parties of a role
members(mou, role_name) := object.get(mou.members, role_name, [])

# METADATA
# description: the fields of some classes
of_classes(dataset, classes) := [field |
	some class in classes
	some field in object.get(dataset.of_class, class, [])
]

# METADATA
# description: >
#   The request's fields meet those of a clause. A request without fields asks for how many there are of all, and is
#   touched by a clause on all fields that the dataset has.
touches(dataset, named_fields) := count(request.fields & named_fields) > 0 if {
	request.nameless == false
} else := object.subset(named_fields, members_of(dataset.fields))

# METADATA
# description: no identifier is asked for in pseudonymised rows
keeps_identifiers(dataset) if {
	request.view != "pseudonymised"
} else := count(request.fields & members_of(object.get(dataset.of_class, "identifier", []))) == 0

# METADATA
# description: whether the document knows all fields, the purpose, all of `from`, some row and others' rows asked for
known(mou, dataset, [purpose, rows, others_rows]) := [
	sets.inside(request.fields, dataset.fields),
	purpose,
	_knows_from(mou),
	rows,
	others_rows,
]

_knows_from(mou) if {
	request.from == null
} else := sets.inside(members_of(request.from), mou.parties)
