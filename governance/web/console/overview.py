"""The first page: where the memoranda stand, what waits for a person, the latest requests, the picture of two weeks."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, render_template

from governance.web.console.door import Door
from governance.web.console.figures import Chart, chart
from governance.web.console.waiting import waits
from governance.web.services import Services

__all__ = ["add"]

_LATEST = 8
_DAYS = 14


def add(pages: Blueprint, services: Services, door: Door) -> None:
    """`/`."""

    @pages.get("/")
    def overview() -> str:
        """Everything in brief."""
        holder = door.holder()
        administrator = door.administrates(holder)
        listed = services.agreements.mous.listed(holder, anew=False)
        today = services.clock.now().date()
        since = today - dt.timedelta(days=_DAYS - 1)
        counted = services.history.count(
            party=holder.party, administrator=administrator, wanted={"since": since.isoformat()}
        )
        latest = services.history.search(
            party=holder.party, administrator=administrator, wanted={"kind": "request"}, limit=_LATEST
        )
        picture: Chart = chart(counted.figures, since, today)
        return render_template(
            "overview.html",
            mous=listed,
            waits=waits(services, holder),
            restored=services.agreements.resuming.waiting(),
            latest=latest,
            chart=picture,
            counted=counted,
            days=_DAYS,
        )
