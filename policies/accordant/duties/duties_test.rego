package accordant.duties_test

import data.accordant.duties

_day := 86400000000

# A document from 2026-01-01 (day 20454) to 2027-12-31, in UTC, acknowledged each year with 30 days of grace.
_documents := {"m_v1": {
	"id": "m",
	"first_day": "2026-01-01",
	"last_day": "2027-12-31",
	"offsets": [[-9007199254740991, 9007199254740991, 0]],
	"acknowledgements": {"5": {"every": [12, 0], "grace": [0, 30]}},
}}

_first := 20850 * _day

_asked(at, acknowledged) := {
	"request": {"party": "north", "at": at},
	"facts": {
		"acknowledged": [{"mou": "m", "clause": "5", "party": "north", "on": on} | some on in acknowledged],
		"overdue": [{"mou": "m", "clause": "6", "party": "north"}],
	},
}

test_overdue_from_the_day_after_the_grace if {
	duties.acknowledgement_overdue("m_v1", "5", _first) == false with input as _asked(_first - 1, [])
	duties.acknowledgement_overdue("m_v1", "5", _first) == true with input as _asked(_first, [])
}

test_an_acknowledgement_counts_from_its_day if {
	late := duties.acknowledgement_overdue("m_v1", "5", _first) with input as _asked(_first, ["2026-06-01"])
		with data.accordant.documents as _documents
	late == false
	early := duties.acknowledgement_overdue("m_v1", "5", _first) with input as _asked(_first, ["2027-06-01"])
		with data.accordant.documents as _documents
	early == true
}

test_moments_of_each_acknowledgement if {
	found := duties.moments("m_v1", "5", 0, 30000 * _day) with input as _asked(0, ["2026-06-01", "2025-06-01"])
		with data.accordant.documents as _documents
	found == [20605 * _day, 21001 * _day]
	inside := duties.moments("m_v1", "5", 20605 * _day, 21001 * _day) with input as _asked(0, ["2026-06-01"])
		with data.accordant.documents as _documents
	inside == []
}

test_other_duties_are_overdue_by_a_recorded_fact if {
	duties.recorded_overdue("m", "6") == true with input as _asked(0, [])
	duties.recorded_overdue("m", "7") == false with input as _asked(0, [])
	duties.recorded_overdue("other", "6") == false with input as _asked(0, [])
}
