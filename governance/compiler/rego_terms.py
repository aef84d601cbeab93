"""The words that rules are made of: who, whose rows, which fields, which view, what for, and what a rule is called.

A condition that several clauses have is one rule with one name, worked out once a decision: `to_convener_or_partner`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import count

from governance.compiler.nouns import first_of, first_of_next
from governance.compiler.rego_values import array, block, string
from governance.model.mou import Dataset, Mou
from governance.model.names import FieldClasses, Fields, Rows, View, Who

__all__ = ["CLASSES", "Words", "clause_names", "listed", "role_names", "rows_meant"]

_WIDTH = 96
_LONGEST = 70
CLASSES = {
    "identifier": "identifiers",
    "quasi-identifier": "quasi_identifiers",
    "sensitive": "sensitive_fields",
    "plain": "plain_fields",
}


def clause_names(mou: Mou) -> dict[str, str]:
    """A rule's name for each clause: `clause_2_2`. Ids may differ in a dot or a dash only; then a number follows."""
    names: dict[str, str] = {}
    for clause in mou.clauses:
        names[clause.id] = _free(f"clause_{_slug(clause.id)}", names.values())
    return names


def role_names(mou: Mou) -> dict[str, str]:
    """A rule's name for each role: `members_partner`. Slugs may differ in a dash only; then a number follows."""
    names: dict[str, str] = {}
    for role in sorted({p.role for p in mou.parties}):
        names[role] = _free(f"members_{_slug(role)}", names.values())
    return names


@dataclass
class Words:
    """The conditions of one module's clauses, each a rule; made in the order in which the clauses need them."""

    mou: Mou
    dataset: Dataset
    _rules: dict[str, str] = field(default_factory=dict)

    def rules(self) -> list[str]:
        """Their definitions."""
        return [f"{name} := {meaning}" for meaning, name in self._rules.items()]

    def to(self, who: Who) -> str:
        """Whether the requester is meant. Withdrawn parties ask in vain anyway: the document does not bind them."""
        if isinstance(who, str):
            return self._rule("to_everyone", 'role != ""')
        roles, parties = sorted(set(who.roles or ())), sorted(set(who.parties or ()))
        tests = [*_one_of("role", roles), *_one_of("request.party", parties)]
        meaning = tests[0] if len(tests) == 1 else f"true in [{', '.join(tests)}]"
        return self._rule("to_" + "_or_".join(map(_slug, roles + parties)), meaning)

    def rows_are(self, rows: Rows) -> str:
        """Whether the rows asked for are some, and only such as a permit speaks of."""
        return {"own": "asks_only_own", "others": "asks_only_others", "all": "asks_some"}[rows]

    def rows_from(self, who: Who) -> str:
        """Whether all of them are of these parties."""
        meaning = f"object.subset({self.parties(who)}, document.set_of(asked))"
        return self._rule(f"all_from_{_who(who)}", meaning)

    def any_rows(self, rows: Rows | None, from_: Who | None) -> str:
        """Whether a row that is asked for is among those that the clause speaks of."""
        if from_ is None:
            return {"own": "asks_own", "others": "asks_others", "all": "asks_some", None: "asks_some"}[rows]
        return self._rule(f"some_{rows or 'all'}_from_{_who(from_)}", f"count({rows_meant(self, rows, from_)}) > 0")

    def parties(self, who: Who) -> str:
        """The parties meant, as a list."""
        if isinstance(who, str):
            return "parties"
        names = role_names(self.mou)
        lists = [names[role] for role in sorted(set(who.roles or ())) if role in names]
        if who.parties is not None:
            lists.append(listed(sorted(set(who.parties))))
        return lists[0] if len(lists) == 1 else f"document.together([{', '.join(lists)}])"

    def fields_within(self, fields: Fields) -> str:
        """Whether the fields asked for are all among these."""
        if isinstance(fields, str):
            return "knows_fields"
        if isinstance(fields, FieldClasses):
            named = " | ".join(f"document.set_of({rule})" for c, rule in CLASSES.items() if c in fields.classes)
            one = [rule for c, rule in CLASSES.items() if c in fields.classes]
            return self._rule(
                _many("only", one), f"object.subset({one[0] if len(one) == 1 else named}, request.fields)"
            )
        names = sorted(set(fields))
        return self._rule(_many("only", names), f"object.subset({listed(names, depth=1)}, request.fields)")

    def fields_met(self, fields: Fields) -> str:
        """Whether one of them is. Where all of the dataset are named, a request that names none is touched as well."""
        if isinstance(fields, FieldClasses):
            names = sorted(f for f, d in self.dataset.fields.items() if d.class_ in fields.classes)
            hint = _many("some", [CLASSES[c] for c in CLASSES if c in fields.classes])
        else:
            names = sorted(self.dataset.fields if isinstance(fields, str) else set(fields))
            hint = _many("some", names)
        if set(names) >= set(self.dataset.fields):
            return self._rule(hint, f"document.touches_all({listed(names, depth=1)})")
        if not names:
            return self._rule(hint, "request.fields == 0")
        if len(names) == 1:
            return self._rule(hint, f"{string(names[0])} in request.fields")
        return self._rule(hint, f"count(request.fields & {listed(names, '{}', depth=1)}) > 0")

    def no_identifier(self) -> str:
        """No identifier is asked for in pseudonymised rows."""
        return self._rule("keeps_identifiers", "document.keeps(document.set_of(identifiers))")

    def view_at_most(self, view: View) -> str:
        """Whether the view is no more revealing."""
        return f"views.at_most_{view}"

    def view_among(self, views: Iterable[View]) -> str:
        """Whether the view is one of these."""
        named: list[str] = list(dict.fromkeys(views))
        return self._rule("view_" + "_or_".join(named), _one_of("request.view", named)[0])

    def purposes_within(self, purposes: Iterable[str]) -> str:
        """Whether the purpose is within one of these."""
        named = sorted(set(purposes))
        among = f"{string(named[0])} in up" if len(named) == 1 else f"count(up & {listed(named, '{}')}) > 0"
        meaning = f"{among} if {{\n\tone_node\n}} else := purposes.within(above, {listed(named, '{}', depth=1)})"
        return self._rule("for_" + "_or_".join(map(_slug, named)), meaning)

    def purposes_related(self, purposes: Iterable[str]) -> str:
        """Whether the purpose is within one of these, or one of these within it."""
        named = sorted(set(purposes))
        meaning = f"count(related & {listed(named, '{}', depth=1)}) > 0"
        return self._rule("about_" + "_or_".join(map(_slug, named)), meaning)

    def since(self, day: dt.date) -> str:
        """Whether the day has begun."""
        return self._rule(f"since_{_slug(day.isoformat())}", f"request.at >= {first_of(day, self.mou.zone)}")

    def until(self, day: dt.date) -> str:
        """Whether the day has not ended."""
        return self._rule(f"until_{_slug(day.isoformat())}", f"request.at < {first_of_next(day, self.mou.zone)}")

    def overdue(self, clause: str, meaning: str) -> str:
        """Whether a duty is overdue."""
        return self._rule(f"overdue_{_slug(clause)}", meaning)

    def _rule(self, hint: str, meaning: str) -> str:
        if meaning not in self._rules:
            name = hint if len(hint) <= _LONGEST else hint[:_LONGEST].rpartition("_")[0]
            self._rules[meaning] = _free(name, self._rules.values())
        return self._rules[meaning]


def rows_meant(words: Words, rows: Rows | None, from_: Who | None) -> str:
    """The contributors that are asked for and that a clause speaks of."""
    meant = {"own": "document.own(asked)", "others": "document.others(asked)", "all": "asked", None: "asked"}[rows]
    return meant if from_ is None else f"document.among({meant}, {words.parties(from_)})"


def listed(values: Iterable[str], brackets: str = "[]", depth: int = 0) -> str:
    """A list of strings, on one line or on several."""
    values = list(values)
    line = array(values, brackets=brackets)
    return line if len(line) <= _WIDTH else block(values, brackets=brackets, depth=max(depth - 1, 0))


def _free(name: str, taken: Collection[str]) -> str:
    """The name, or the first numbered one that is free: an id may look like a name with a number."""
    numbered = (f"{name}__{number}" for number in count(len(taken)))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def _slug(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def _who(who: Who) -> str:
    return (
        who
        if isinstance(who, str)
        else "_or_".join(_slug(w) for w in sorted({*(who.roles or ()), *(who.parties or ())}))
    )


def _many(hint: str, names: list[str]) -> str:
    return f"{hint}_{'_'.join(names)}"


def _one_of(value: str, names: list[str]) -> list[str]:
    if not names:
        return []
    return [f"{value} == {string(names[0])}" if len(names) == 1 else f"{value} in {listed(names)}"]
