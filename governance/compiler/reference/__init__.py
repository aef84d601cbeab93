"""The plain-Python reading of the clauses: what the language means, over the frozen models.

It may not read Rego, a bundle's files or anything that an engine made, and shares no code for deciding with them: the
three readings check one another. No I/O, no clock; it answers every well-typed request and never raises.

To be read beside the language's *What it means*: `seen` holds its sets (contributors, rows, in force, purposes),
`clauses` what touches and covers, `duties` what is overdue, `validity` step 1, `until` the next moment at which time
alone could change the answer, and `decision` the seven steps.
"""

from __future__ import annotations

from governance.compiler.reference.decision import Reading, decide

__all__ = ["Reading", "decide"]
