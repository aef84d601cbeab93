"""Sources and consents in numbers: who has mapped what, how many rows and records there are. Never a row."""

from __future__ import annotations

from flask import Blueprint, render_template

from governance.web.console.door import Door
from governance.web.services import Services

__all__ = ["add"]


def add(pages: Blueprint, services: Services, door: Door) -> None:
    """`/data`."""

    @pages.get("/data")
    def data() -> str:
        """The person's party's sources and consents; those of all to an administrator."""
        holder = door.holder()
        administrator = door.administrates(holder)
        sources = services.sources.enrolled(None if administrator else holder.party)
        parties = sorted({s.party for s in sources}) if administrator else [holder.party]
        consents = {party: services.consents.counted(party=party) for party in parties}
        return render_template("data.html", sources=sources, consents=consents)
