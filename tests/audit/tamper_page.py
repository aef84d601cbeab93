"""`docs/tampering.md` from the tamper table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from audit.meaning import MEANING
from governance.verification.meaning import MEANING as CLAIMS
from tests.audit.tamper_row import POWERS, Row

__all__ = ["page"]

_WHO = {
    "verify": "`audit verify` alone",
    "remembered": "only with a checkpoint that somebody kept",
    "witness": "only by a witness, or by the cosignatures that a policy asks for",
}
_HEAD = """# Ways to cheat, and how each is caught

Each line is played by `tests/audit/test_tamper_table.py` on a log of 310 entries, by somebody who knows the format
and has what the second column says. What is not caught by verification alone says by whom it is: the test shows that
verification alone finds nothing then. The last column is what the verifier says it means.

"""


def page(table: Sequence[Row]) -> str:
    """The whole page."""
    powers = "".join(f"- **{name}**: {words}\n" for name, words in POWERS.items() if _needed(name, table))
    lines = ["| somebody… | with | caught | as | which means |", "|---|---|---|---|---|"]
    for row in table:
        start = "; a start refuses, too" if row.refused else ""
        meaning = (CLAIMS | MEANING).get(row.code, "The log shows this witness another history than it showed before.")
        takes = ", ".join(row.takes)
        lines.append(f"| {row.name} | {takes} | {_WHO[row.who]}{start} | `{row.code}` | {meaning} |")
    return f"{_HEAD}{powers}\n" + "\n".join(lines) + "\n"


def _needed(name: str, table: Sequence[Row]) -> bool:
    return any(name in row.takes for row in table)


if __name__ == "__main__":
    from tests.audit.test_tamper_table import TABLE

    target = Path(__file__).resolve().parents[2] / "docs" / "tampering.md"
    target.write_text(page(TABLE), encoding="utf-8")
