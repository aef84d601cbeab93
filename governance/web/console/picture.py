"""Requests by day, party and outcome, for a period that the address names."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, render_template, request

from governance.errors import InputWrong
from governance.web.console.door import Door
from governance.web.console.figures import chart
from governance.web.services import Services

__all__ = ["add"]

_PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year"}


def add(pages: Blueprint, services: Services, door: Door) -> None:
    """`/requests`."""

    @pages.get("/requests")
    def picture() -> str:
        """The picture and its figures."""
        holder = door.holder()
        chosen = request.args.get("days", "30")
        if chosen not in _PERIODS:
            raise InputWrong(f"`{chosen}` is not one of {', '.join(_PERIODS)}", field="days")
        today = services.clock.now().date()
        since = today - dt.timedelta(days=int(chosen) - 1)
        counted = services.history.count(
            party=holder.party, administrator=door.administrates(holder), wanted={"since": since.isoformat()}
        )
        return render_template(
            "picture.html",
            chart=chart(counted.figures, since, today),
            counted=counted,
            chosen=chosen,
            periods=_PERIODS,
            since=since,
            today=today,
        )
