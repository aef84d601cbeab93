# METADATA
# title: One document
# description: >
#   Who is a party to it at the instant asked about, whether it binds, and whose rows a request means as it sees them
#   (language, *Contributors*, *In force*).
package accordant.document

import data.accordant.request

# METADATA
# description: those whose notice has run out
gone(mou) := [] if {
	request.withdrawn == []
} else := [party |
	some [of, party, instant] in request.withdrawn
	of == mou
	instant <= request.at
]

# METADATA
# description: somebody left, but neither the requester nor, where that ends the document for all, any of its parties
stays(parties, left, ends_all) := [request.party in left, ends_all, among(parties, left) == []] in [
	[false, false, true],
	[false, false, false],
	[false, true, true],
]

# METADATA
# description: those of a list who are still parties
present(parties, left) := [party | some party in parties; not party in left]

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
#   The request's fields meet those of a clause on all that the dataset has. A request without fields asks for how many
#   there are of all, and is touched as well.
touches_all(fields) if {
	request.nameless == true
} else := count(request.fields & set_of(fields)) > 0

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
# description: the prohibitions that touch, less those of which a permit that is excepted covers the request
unlifted(document, touching, covering) := [prohibition |
	some prohibition in touching
	not prohibition in lifted
] if {
	lifted := [prohibition |
		some prohibition in touching
		_lifting(document, prohibition[1], covering) != []
	]
}

_lifting(document, clause, covering) := [permit |
	some permit in covering
	permit[1] in permits
] if {
	permits := object.get(data.accordant.documents[document].exceptions, clause, [])
}
