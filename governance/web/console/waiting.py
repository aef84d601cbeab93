"""What waits for a person: memoranda to sign, requests to answer, duties, keys to approve. Acting needs the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template

from governance.sessions import Holder
from governance.web.console.door import Door
from governance.web.services import Services

__all__ = ["Waits", "add", "waits"]


@dataclass(frozen=True, slots=True)
class Waits:
    """What waits; `mine` counts what this person can act on."""

    to_sign: tuple[dict[str, Any], ...]
    reviews: tuple[dict[str, Any], ...]
    duties: tuple[dict[str, Any], ...]
    keys: tuple[dict[str, Any], ...]
    mine: int


def waits(services: Services, holder: Holder) -> Waits:
    """From the use cases, which decide what the person hears of."""
    agreements = services.agreements
    administrator = Door.administrates(holder)
    to_sign = tuple(m for m in agreements.mous.listed(holder, anew=False) if m["state"] == "signing" and m["missing"])
    reviews = tuple(agreements.reviews.listed(holder))
    duties = tuple(agreements.duties.listed(holder))
    keys = tuple(k for k in agreements.keys.listed(holder) if k["state"] == "pending")
    signing = sum(holder.party in m["missing"] for m in to_sign)
    answering = sum(r["state"] == "waits" and holder.party in r["waits_for"] for r in reviews)
    owed = sum(d["overdue"] for d in duties if d["party"] == holder.party or administrator)
    mine = signing + answering + owed + (len(keys) if administrator else 0)
    return Waits(to_sign, reviews, duties, keys, mine)


def add(pages: Blueprint, services: Services, door: Door) -> None:
    """`/waiting`."""

    @pages.get("/waiting")
    def waiting() -> str:
        """Each with the command that acts."""
        return render_template("waiting.html", waits=waits(services, door.holder()))
