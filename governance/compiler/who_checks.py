"""A `<who>` that names parties and roles: each of them is there."""

from __future__ import annotations

from collections.abc import Iterator

from governance.compiler.faults import nearest
from governance.compiler.resolve import fault, warning
from governance.errors import Fault
from governance.model.mou import Mou
from governance.model.names import Who

__all__ = ["check_who"]


def check_who(mou: Mou, who: Who | None, *path: str | int) -> Iterator[Fault]:
    """Unknown parties, roles that nobody has, and repetitions."""
    if who is None or isinstance(who, str):
        return
    known = {"roles": {p.role for p in mou.parties}, "parties": {p.id for p in mou.parties}}
    for key, names in (("roles", who.roles or ()), ("parties", who.parties or ())):
        for index, name in enumerate(names):
            if name in names[:index]:
                yield warning(f"`{name}` stands here twice", *path, key, index, code="repeated")
            if name in known[key]:
                continue
            near = nearest(name, known[key])
            hint = f"; did you mean `{near}`?" if near else ""
            if key == "roles":
                message = f"no party has the role `{name}`{hint}"
                expected = f"one of {', '.join(f'`{r}`' for r in sorted(known[key]))}"
                yield fault(message, *path, key, index, code="unknown-role", expected=expected)
            else:
                yield fault(f"there is no party `{name}`{hint}", *path, key, index, code="unknown-party")
