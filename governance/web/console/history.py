"""The access history with filters: a form that can be bookmarked, answered by the search that records itself."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from governance.errors import InputWrong
from governance.history import FILTERS, Page
from governance.web.console.door import Door
from governance.web.services import Services

__all__ = ["add"]

_PAGE = 50
_FORM = tuple(f for f in FILTERS if f != "mou")
_LONGEST = 300


def _wanted() -> dict[str, str]:
    """The filters that were filled in. Raises InputWrong, naming the field."""
    for name in request.args:
        if name not in FILTERS and name not in ("before", "looks"):
            raise InputWrong(f"`{name[:60]}` cannot be searched by", field="form")
    wanted = {name: value.strip() for name in FILTERS if (value := request.args.get(name, "")).strip()}
    for name, value in wanted.items():
        if len(value) > _LONGEST:
            raise InputWrong(f"is longer than {_LONGEST} characters", field=name)
    return wanted


def add(pages: Blueprint, services: Services, door: Door) -> None:
    """`/history`."""

    @pages.get("/history")
    def history() -> Response:
        """A page of entries, newest first."""
        holder = door.holder()
        found = Page((), None)
        looks = request.args.get("looks") == "1"
        wrong: dict[str, str] = {}
        status = 200
        try:
            before = door.number("before")
            wanted = _wanted()
            found = services.history.page(
                party=holder.party,
                administrator=door.administrates(holder),
                wanted=wanted,
                size=_PAGE,
                before=before,
                looks=looks,
            )
        except InputWrong as error:
            wrong, status = {error.field or "form": error.detail}, 400
        kept: dict[str, Any] = {name: request.args.get(name, "") for name in FILTERS if request.args.get(name)}
        shown: dict[str, Any] = kept | ({"looks": "1"} if looks else {})
        older = url_for("console.history", **shown, before=found.older) if found.older is not None else None
        page = render_template(
            "history.html",
            entries=found.entries,
            older=older,
            first="before" not in request.args,
            kept=kept,
            wrong=wrong,
            fields=_FORM,
            newest=url_for("console.history", **shown),
            looks=looks,
            switch=None if "kind" in kept else url_for("console.history", **kept, looks=None if looks else "1"),
        )
        return make_response(page, status)
