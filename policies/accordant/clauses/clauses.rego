# METADATA
# title: Clauses
# description: >
#   What the documents that define the dataset say of the request, together. A clause's rule says `matched`, or the first
#   condition that failed; one that says neither leaves its document with no clause examined, which is no answer.
#   Clauses are cited by document and id, `["benchmarking_v1", "2.2"]`, in the order of citation.
package accordant.clauses

import data.accordant.request

# METADATA
# description: each document that defines the dataset, whether it binds, and the clauses examined where it does
documents := data.accordant.datasets[request.dataset].documents if {
	_defined
} else := [] if {
	not _defined
}

# METADATA
# description: one of the documents binds the requester
binding := data.accordant.datasets[request.dataset].binding if {
	_defined
} else := false if {
	not _defined
}

# METADATA
# description: one of the documents knows all that the request names, and rows that it means
known := data.accordant.datasets[request.dataset].known if {
	_defined
} else := false if {
	not _defined
}

# METADATA
# description: the duties that are overdue and block the request
overdue := data.accordant.datasets[request.dataset].overdue if {
	_defined
} else := [] if {
	not _defined
}

# METADATA
# description: the prohibitions that touch the request and are not lifted
prohibited := data.accordant.datasets[request.dataset].prohibited if {
	_defined
} else := [] if {
	not _defined
}

# METADATA
# description: the prohibitions that touch the request, lifted or not
touching := data.accordant.datasets[request.dataset].touching if {
	_defined
} else := [] if {
	not _defined
}

# METADATA
# description: the permits that cover the request
covering := data.accordant.datasets[request.dataset].covering if {
	_defined
} else := [] if {
	not _defined
}

# METADATA
# description: the consents that the request's rows need, each with the contributors of those rows
consents := data.accordant.datasets[request.dataset].consents if {
	_defined
} else := [] if {
	not _defined
}

# METADATA
# description: for each document an instant at which time alone may change the answer, or null
moments := data.accordant.datasets[request.dataset].moments if {
	_defined
} else := [] if {
	not _defined
}

# METADATA
# description: for each document the contributors whose rows are meant, and whether some are others than the requester
rows := data.accordant.datasets[request.dataset].rows if {
	_defined
} else := [] if {
	not _defined
}

# METADATA
# description: the permits that cover the request, are asked for, and stand wherever a prohibition was lifted
permitted := covering if {
	touching == []
	request.mou == null
	request.under == null
} else := [permit |
	some permit in covering
	request.mou in [null, data.accordant.documents[permit[0]].id]
	request.under in [null, permit[1]]
	count(_lifted_by(permit)) == count(touching)
] if {
	is_array(touching)
	is_array(covering)
}

_defined if data.accordant.catalogue.datasets[request.dataset]

# The prohibitions that this permit lifts. Where nothing is left prohibited, whatever touches was lifted by one.
_lifted_by(permit) := [prohibition |
	some prohibition in touching
	_lifts(permit, prohibition) == true
]

_lifts(permit, prohibition) := permit[1] in permits if {
	permit[0] == prohibition[0]
	permits := object.get(data.accordant.documents[prohibition[0]].exceptions, prohibition[1], [])
} else := false
