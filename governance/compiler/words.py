"""Keys in words: how a party, a field, a day or a period reads in English (language, *What people sign*).

Two voices. The *prose* voice fills the slots of an author's sentence ("the partners"). The *named* voice is that of
generated sentences: every id stands in backticks and every title, which an author may choose at will, between “ and ”.
Inside the quotes the quotes themselves, backticks and white space that would not be seen are escaped, so that no title
can look like the sentence around it, and two different values never look alike.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence

from governance.model.mou import Dataset, Mou
from governance.model.names import Fields, Level, Who
from governance.model.period import Period

__all__ = [
    "ACTIONS",
    "AFTER",
    "BLOCKING",
    "CLASSES",
    "ROWS",
    "TYPES",
    "collapse",
    "day_words",
    "fields_named",
    "fields_words",
    "id_named",
    "joined",
    "level_named",
    "named",
    "number_words",
    "period_words",
    "quoted",
    "role_words",
    "share_words",
    "who_named",
    "who_words",
]

ROWS = {"own": "their own", "others": "other organisations'", "all": "all"}
CLASSES = {
    "identifier": "identifying",
    "quasi-identifier": "quasi-identifying",
    "sensitive": "sensitive",
    "plain": "plain",
}
TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "date": "day",
    "datetime": "moment",
    "quarter": "quarter of a year",
}
ACTIONS = {
    "acknowledge-purpose": "acknowledge the purpose",
    "submit-data": "submit",
    "delete": "delete",
    "return": "return",
    "report-breach": "report a breach of",
}
AFTER = {"expiry": "the expiry", "withdrawal": "the withdrawal", "release": "the release", "discovery": "the discovery"}
BLOCKING = {
    "none": "no requests",
    "others": "requests for data of other organisations",
    "all": "all requests",
}
_ROLES = {"partner": "partners", "convener": "conveners", "funder": "funders", "researcher": "researchers"}
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_SPACES = re.compile(r"\s+")
_ODD_SPACE = re.compile(r"^\s|\s$|[^\S ]|(?<=\s) ")


def collapse(text: str) -> str:
    """White space as one space each: an author's line breaks mean nothing."""
    return _SPACES.sub(" ", text).strip()


def joined(parts: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def quoted(text: str) -> str:
    """A title or level between quotes that it cannot leave."""
    escaped = re.sub(r"[\\“”`]", lambda m: "\\" + m[0], text)
    escaped = _ODD_SPACE.sub(lambda m: f"\\u{ord(m[0]):04x}", escaped)
    return f"“{escaped}”"


def id_named(name: str) -> str:
    """An id of the document; ids hold neither spaces nor backticks."""
    return f"`{name}`"


def named(title: str, name: str) -> str:
    """A title with the id that the keys use."""
    return f"{quoted(collapse(title))} ({id_named(name)})"


def level_named(level: Level) -> str:
    """A level of a field; text is quoted, so that `1` and “1” differ."""
    if isinstance(level, bool):
        return "yes (`true`)" if level else "no (`false`)"
    return quoted(level) if isinstance(level, str) else f"`{level}`"


def number_words(value: int | float) -> str:
    """A number without an exponent where a person reads it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def share_words(value: float) -> str:
    """`0.8` as `80 %`; exact, by the shortest decimal that is this number."""
    mantissa, _, exponent = repr(float(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0") or "0"
    power = int(exponent or 0) - len(fraction) + 2
    if power >= 0:
        return f"{digits}{'0' * power} %"
    digits = digits.rjust(1 - power, "0")
    tail = digits[power:].rstrip("0")
    return f"{digits[:power]}.{tail} %" if tail else f"{digits[:power]} %"


def day_words(day: dt.date) -> str:
    """`2026-09-01` as `1 September 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def period_words(period: Period, *, every: bool = False) -> str:
    """`P1Y6M` as `1 year and 6 months`; after "every", a single unit goes without its 1."""
    years, months = divmod(period.months, 12)
    if years and months and period.months < 24 and "Y" not in period.text:
        years, months = 0, period.months  # P18M stays 18 months, as its author wrote it
    units = ((years, "year"), (months, "month"), (period.days, "day"))
    parts = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in units if n]
    text = joined(parts)
    return text.removeprefix("1 ") if every and len(parts) == 1 and text.startswith("1 ") else text


def role_words(role: str) -> str:
    """The plural that the prose uses for a role."""
    return f"the {_ROLES[role]}" if role in _ROLES else f"the parties in the role {role}"


def _party_names(mou: Mou) -> dict[str, str]:
    return {party.id: party.name for party in mou.parties}


def who_words(who: Who, mou: Mou) -> str:
    """`{roles: [partner]}` as `the partners`; a known role that one party holds is spoken of in the singular."""
    if isinstance(who, str):
        return "every party"
    names = _party_names(mou)
    parts = []
    for role in who.roles or ():
        single = role in _ROLES and sum(party.role == role for party in mou.parties) == 1
        parts.append(f"the {role}" if single else role_words(role))
    parts += [collapse(names.get(party, party)) for party in who.parties or ()]
    return joined(parts)


def who_named(who: Who, mou: Mou, *, every: str = "every") -> str:
    """The same with ids, in the order of the keys; `every` may be "any" where a sentence forbids."""
    if isinstance(who, str):
        return f"{every} party to this memorandum"
    names = _party_names(mou)
    parts = [f"{every} party in the role {id_named(role)}" for role in who.roles or ()]
    parts += [named(names.get(party, party), party) for party in who.parties or ()]
    return joined(parts, "and" if every == "every" else "or")


def fields_words(fields: Fields, datasets: Iterable[Dataset]) -> str:
    """Fields by title; a class with the titles that it stands for."""
    columns = {name: collapse(column.title) for data in datasets for name, column in data.fields.items()}
    if isinstance(fields, str):
        return "all fields"
    if isinstance(fields, tuple):
        return joined([columns.get(name, name) for name in fields])
    kinds = {name: column.class_ for data in datasets for name, column in data.fields.items()}
    titles = [columns[name] for name, kind in kinds.items() if kind in fields.classes]
    text = f"{joined([CLASSES[c] for c in fields.classes])} fields"
    return f"{text} ({joined(titles)})" if titles else text


def fields_named(fields: Fields, datasets: Sequence[Dataset], *, every: str = "every") -> str:
    """Fields by title and id, in the order of the keys; a class with what it stands for today."""
    columns = {name: column for data in datasets for name, column in data.fields.items()}
    if isinstance(fields, str):
        return f"{every} field"
    if isinstance(fields, tuple):
        parts = [named(columns[n].title, n) if n in columns else id_named(n) for n in fields]
        if len(parts) == 1:
            return f"the field {parts[0]}"
        return f"the fields {joined(parts)}" if every == "every" else f"any of the fields {joined(parts, 'or')}"
    word = "and" if every == "every" else "or"
    text = f"{every} field of class {joined([id_named(c) for c in fields.classes], word)}"
    held = [named(c.title, n) for n, c in columns.items() if c.class_ in fields.classes]
    return f"{text} (that is, {joined(held, word)})" if held else text
