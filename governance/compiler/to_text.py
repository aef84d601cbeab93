"""What is signed, as plain text and as a page: the same blocks, to the byte (language, *What people sign*).

In the text every line that begins with `|` holds the author's own words, and no other line does; so nothing that an
author writes can pass for a sentence that the keys gave. Wrapped at 100 columns; line ends are `\\n`.
"""

from __future__ import annotations

import hashlib
import textwrap

from governance.compiler.document import Block, document
from governance.compiler.operative import operative
from governance.compiler.slots import fill
from governance.model.clauses import Clause
from governance.model.mou import Mou

__all__ = ["WIDTH", "clause_sha256", "clause_text", "to_text"]

WIDTH = 100
_READING = (
    "How to read this: lines that begin with | are the authors' own words, and titles that they chose stand between “ "
    "and ”. Everything else is generated from the keys of the document, which are what the software enforces. Each "
    "clause ends in its operative sentence; where it and the authors' words differ, the operative sentence prevails."
)


def to_text(mou: Mou) -> str:
    """Everything that is signed. Deterministic: the same document gives the same bytes."""
    return "\n".join(_lines(block) for block in document(mou)) + "\n"


def clause_text(mou: Mou, clause: Clause) -> str:
    """Two lines: the prose with its slots filled, and the operative sentence, which prevails."""
    return f"{fill(mou, clause)}\nOperative sentence of {clause.id}: {operative(mou, clause)}"


def clause_sha256(mou: Mou, clause: Clause) -> str:
    """The digest that a decision and the policy cite a clause's words by: SHA-256 of `clause_text` in UTF-8."""
    return hashlib.sha256(clause_text(mou, clause).encode()).hexdigest()


def _wrap(text: str, first: str = "", rest: str | None = None) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _lines(block: Block) -> str:
    if block.kind == "heading":
        return f"{_wrap(block.text)}\n{'=' * min(WIDTH, len(block.text))}\n"
    if block.kind in {"title", "words"}:
        return "\n|\n".join(_wrap(part, "| ") for part in block.parts) + "\n"
    if block.kind == "items":
        return "\n".join(_wrap(part, "  - ", "    ") for part in block.parts) + "\n"
    return f"{_wrap(_READING if block.kind == 'reading' else block.text)}\n"
