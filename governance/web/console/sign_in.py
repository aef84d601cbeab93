"""Signing in by a one-time link, and signing out. A link is spent by a click, so that no preview can spend it."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from governance.web.console.door import Door
from governance.web.services import Services

__all__ = ["add"]


def add(pages: Blueprint, services: Services, door: Door) -> None:
    """`/sign-in`, `/sign-in/<link>` and `/sign-out`."""

    @pages.get("/sign-in")
    def sign_in() -> Response:
        """How to get in."""
        return make_response(render_template("sign_in.html", origin=services.settings.origin))

    @pages.get("/sign-in/<link>")
    def invited(link: str) -> Response:
        """Whom the link signs in, and the button that does it."""
        holder = door.invited(link)
        return make_response(render_template("invited.html", link=link, holder=holder))

    @pages.post("/sign-in/<link>")
    def enter(link: str) -> Response:
        """Spends the link."""
        door.open(link)
        return redirect(url_for("console.overview"), 303)

    @pages.post("/sign-out")
    def sign_out() -> Response:
        """Ends the session, here and on the server."""
        door.close()
        return redirect(url_for("console.sign_in", left=1), 303)
