"""Everything that is signed, as blocks that both faces (text and page) render: one content, so they cannot disagree.

A block is the authors' own words, or it is generated from the keys; never both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from governance.compiler.operative import DOMINANCE, MINIMUM_CELL, OTHER_PARTIES, operative
from governance.compiler.slots import fill
from governance.compiler.words import (
    CLASSES,
    TYPES,
    collapse,
    day_words,
    id_named,
    joined,
    level_named,
    named,
    number_words,
    period_words,
    quoted,
    share_words,
    who_named,
)
from governance.model.clauses import Clause
from governance.model.indicator import Condition, Indicator
from governance.model.mou import AtLeast, Dataset, DatasetField, Mou

__all__ = ["Block", "document"]

_DECIDING = (
    "A prohibition beats any permission. What no clause permits is not allowed. One clause must permit the whole of a "
    "request: clauses never add up, since fields that may each be seen may not for that reason be seen side by side.",
    "Every field that is returned, filtered, grouped or measured by counts as a field of the request.",
    "The views, from the most revealing to the least: `identified` (rows with names), `pseudonymised` (rows without "
    "identifying fields), `aggregate` (figures about many clients). Who may see one may see the less revealing ones.",
    "Rows that a consent clause touches leave only for clients who have consented; no record means no.",
)
_PROTECTION = (
    f"A figure over the clients of others is shown only when it rests on at least {MINIMUM_CELL} different clients; "
    "when it is a share, those counted and those left are each none or at least that many, and never none where a "
    f"field is sensitive; when at least {OTHER_PARTIES} parties other than the one who asks contribute to it; when no "
    f"contributor makes up more than {share_words(DOMINANCE)} of it; and when the same holds, the number of parties "
    "aside, after the asking party's own rows are taken away. These numbers are the defaults; a clause's operative "
    "sentence says its own. Figures about a party's own clients alone need none of this.",
    "Pseudonymised rows never hold an identifying field. The client is named by a pseudonym that is made for this "
    "recipient, memorandum, clause and purpose. Each combination of all the fields given is shared by at least k "
    f"different clients ({MINIMUM_CELL} where the clause gives no k), among whom a sensitive field has two values or "
    "more; other rows are withheld and counted.",
)
_DATA_AFTER = {
    "delete": "its data is deleted",
    "return": "its data is returned to it",
    "keep-aggregates": "its rows are deleted, and figures that were made with them are kept",
}
_ENDS = {
    "party": "The memorandum goes on among the others.",
    "all": "The memorandum then ends for all parties.",
}


@dataclass(frozen=True, slots=True)
class Block:
    """`words` are the authors'; a `title` is the whole document's; all other kinds are generated."""

    kind: Literal["title", "reading", "heading", "clause", "words", "text", "operative", "items"]
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The parts as one, where there is one."""
        return " ".join(self.parts)


def document(mou: Mou) -> tuple[Block, ...]:
    """The blocks, in the order in which people read them."""
    return (
        Block("title", (collapse(mou.title),)),
        Block("text", (_term(mou),)),
        Block("reading", ()),
        *_preamble(mou),
        Block("heading", ("Parties",)),
        Block("items", tuple(f"{named(p.name, p.id)}, in the role {id_named(p.role)}" for p in mou.parties)),
        Block("heading", ("Purposes",)),
        Block("items", tuple(_purpose(mou, name) for name in mou.purposes)),
        *(block for name, dataset in mou.datasets.items() for block in _dataset(mou, name, dataset)),
        *_indicators(mou),
        Block("heading", ("Clauses",)),
        Block("items", _DECIDING),
        *(block for clause in mou.clauses for block in _clause(mou, clause)),
        Block("heading", ("Protection",)),
        Block("items", _PROTECTION),
        Block("heading", ("Signing, changing and leaving",)),
        Block("items", tuple(_life(mou))),
    )


def _term(mou: Mou) -> str:
    days = f"from {day_words(mou.effective)} to {day_words(mou.expires)}, both days included"
    return (
        f"Memorandum of understanding {id_named(mou.id)}, version {mou.version}, in version {mou.accordant} of the "
        f"Accordant language. In force {days}. Days are days in the time zone {mou.timezone}."
    )


def _preamble(mou: Mou) -> tuple[Block, ...]:
    paragraphs = tuple(collapse(part) for part in mou.preamble.split("\n\n") if part.strip())
    if not paragraphs:
        return ()
    return (
        Block("heading", ("Preamble",)),
        Block("words", paragraphs),
        Block("text", ("The preamble explains; it decides nothing.",)),
    )


def _purpose(mou: Mou, name: str) -> str:
    purpose = mou.purposes[name]
    text = named(purpose.title, name)
    if purpose.broader is not None:
        broader = mou.purposes.get(purpose.broader)
        text += f" counts as {named(broader.title, purpose.broader) if broader else id_named(purpose.broader)}"
    return f"{text}; known elsewhere as {quoted(purpose.dpv)}" if purpose.dpv is not None else text


def _dataset(mou: Mou, name: str, dataset: Dataset) -> tuple[Block, ...]:
    shared = (
        "The same value names the same client everywhere."
        if dataset.subjects == "shared"
        else "The same value at two contributors names two clients."
    )
    return (
        Block("heading", (f"Data: {named(dataset.title, name)}",)),
        Block(
            "text",
            (
                f"Contributed by {who_named(dataset.contributors, mou)}. The field {id_named(dataset.contributor)} "
                f"says whose record a row is; the field {id_named(dataset.subject)} says which client it is about. "
                f"{shared}",
            ),
        ),
        Block("items", tuple(_field(field_name, field) for field_name, field in dataset.fields.items())),
    )


def _field(name: str, field: DatasetField) -> str:
    text = f"{named(field.title, name)}: {CLASSES[field.class_]}, {TYPES[field.type]}"
    if field.levels is None:
        return text
    return f"{text}, in the levels {joined([level_named(level) for level in field.levels])}"


def _indicators(mou: Mou) -> tuple[Block, ...]:
    if not mou.indicators:
        return ()
    return (
        Block("heading", ("Indicators",)),
        Block("items", tuple(_indicator(name, indicator) for name, indicator in mou.indicators.items())),
    )


def _indicator(name: str, indicator: Indicator) -> str:
    unit = "clients" if indicator.unit == "clients" else "rows"
    text = (
        f"{named(indicator.title, name)}, version {indicator.version}, on {id_named(indicator.dataset)}: of the {unit} "
        f"{_condition(indicator.denominator)}, the share {_condition(indicator.numerator)}"
    )
    if indicator.exclusions:
        text += f", leaving out those {joined([_condition(c) for c in indicator.exclusions], 'or')}"
    if indicator.window is not None:
        text += f"; for each {id_named(indicator.window)}"
    if indicator.better is not None:
        text += f"; {indicator.better} is better"
    if indicator.floor is not None:
        missing = share_words(indicator.floor.missing)
        text += f"; a party's figure counts while at most {missing} of its values are missing"
    return f"{text}."


def _condition(condition: Condition) -> str:
    if condition.field is None:
        return "in the dataset"
    field = id_named(condition.field)
    if condition.equals is not None:
        value = condition.equals
        return f"with {field} equal to {number_words(value) if isinstance(value, float) else level_named(value)}"
    if condition.in_ is not None:
        return f"with {field} among {joined([level_named(level) for level in condition.in_])}"
    if condition.at_least is not None:
        return f"with {field} of at least {number_words(condition.at_least)}"
    return f"with {field} of at most {number_words(condition.at_most or 0)}"


def _clause(mou: Mou, clause: Clause) -> tuple[Block, ...]:
    return (
        Block("clause", (f"Clause {clause.id}: {quoted(collapse(clause.title))}",)),
        Block("words", (fill(mou, clause),)),
        Block("operative", (f"Operative sentence of {clause.id}: {operative(mou, clause)}",)),
    )


def _required(required: Literal["everyone"] | AtLeast, mou: Mou) -> str:
    if isinstance(required, str):
        return "every party"
    return f"at least {required.at_least} of the following: {who_named(required.of, mou)}"


def _life(mou: Mou) -> list[str]:
    signing = mou.signing
    items = [f"This version is in force only once signed by {_required(signing.required, mou)}."]
    if isinstance(signing.order, str):
        items.append("The parties sign in any order.")
    else:
        groups = [joined([id_named(party) for party in group]) for group in signing.order]
        items.append(f"The parties sign in turn: {'; then '.join(groups)}.")
    if signing.within is not None:
        items.append(f"All signatures must be there within {period_words(signing.within)} of the proposal.")
    if mou.amendment is not None:
        items.append(f"A new version must be signed by {_required(mou.amendment.required, mou)}.")
    else:
        items.append("No rule of its own is agreed for new versions: the signing rule of each applies.")
    items += _leaving(mou)
    if mou.accounting is not None:
        items.append(f"The record of disclosures is kept for {period_words(mou.accounting)}.")
    else:
        items.append("No time is agreed for which the record of disclosures must be kept.")
    return items


def _leaving(mou: Mou) -> list[str]:
    withdrawal = mou.withdrawal
    if withdrawal is None:
        return ["No rule is agreed for the withdrawal of a party; it ends the memorandum for that party only."]
    notice = f"with a notice of {period_words(withdrawal.notice)}" if withdrawal.notice is not None else "at once"
    return [f"A party may withdraw {notice}. Then {_DATA_AFTER[withdrawal.data]}. {_ENDS[withdrawal.ends]}"]
