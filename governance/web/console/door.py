"""Who stands at the door: the session behind the cookie, the host that was asked for, where a form came from.

The cookie holds a random secret, signed; its digest, its key and its times are on the server, so that a session ends
there. `SameSite=Strict`: no other site's link or form arrives with it.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from urllib.parse import urlsplit

from flask import Flask, g, request, session

from governance.errors import InputWrong, NotAuthentic, NotFound, Refused, TooMany, Unavailable
from governance.register import ADMINISTRATOR
from governance.sessions import Holder
from governance.web.services import Services

__all__ = ["Door", "configure"]

_WRONG_LINKS_A_MINUTE = 10
_ADDRESSES = 10_000
_SECRET = "secret"  # noqa: S105 the key of a cookie's value


def configure(app: Flask, services: Services) -> None:
    """The cookie and its signature. `__Host-` where the browser lets us: this very host, all of it, over TLS."""
    secure = services.settings.origin.startswith("https://")
    app.secret_key = services.cookie_secret
    app.config.update(
        SESSION_COOKIE_NAME="__Host-accordant" if secure else "accordant",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PATH="/",
        WTF_CSRF_CHECK_DEFAULT=False,  # the signed interface has no cookie that could be ridden on
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,  # compares the Referer, which our pages never send; `same_site` is in its place
    )


class Door:
    """Safe from any thread; what it finds is kept for one request."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._host = urlsplit(services.settings.origin).netloc.lower()
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, tuple[dt.datetime, int]] = OrderedDict()

    # What arrives

    def asked_here(self) -> bool:
        """Whether it was this console's own host that was asked for."""
        return request.host.lower() == self._host

    def host(self) -> None:
        """Raises NotFound where another host was asked for: a rebound name reads nothing."""
        if not self.asked_here():
            detail = f"this console is at {self._services.settings.origin}, and under no other name"
            raise NotFound(detail, reason="other-host")

    def same_site(self) -> None:
        """Raises Refused where the browser says that a form comes from elsewhere."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Refused("this form was sent by another site", reason="cross-site")

    # Who it is

    def known(self) -> Holder | None:
        """The person of the session, None where nobody is signed in."""
        try:
            return self._looked_up()
        except Unavailable:
            return None

    def _looked_up(self) -> Holder | None:
        if "holder" not in g:
            secret = session.get(_SECRET)
            g.holder = self._services.sessions.holder(secret) if isinstance(secret, str) else None
        holder: Holder | None = g.holder
        return holder

    def holder(self) -> Holder:
        """The person of the session. Raises NotAuthentic (`signed-out`), which leads to the sign-in page."""
        found = self._looked_up()
        if found is None:
            session.clear()
            raise NotAuthentic("nobody is signed in", reason="signed-out")
        return found

    @staticmethod
    def administrates(holder: Holder) -> bool:
        """Whether the person may read every body, by the rule of the signed interface."""
        return holder.use == ADMINISTRATOR

    def open(self, link: str) -> None:
        """Spends a link; the cookie of a session before it is of no use any more."""
        old = session.get(_SECRET)
        opened = self._services.sessions.open(link)
        session.clear()
        session[_SECRET] = opened
        if isinstance(old, str):
            self._services.sessions.close(old)

    def close(self) -> None:
        """Signs out."""
        secret = session.get(_SECRET)
        session.clear()
        g.holder = None
        if isinstance(secret, str):
            self._services.sessions.close(secret)

    def invited(self, link: str) -> Holder:
        """Whom a link would sign in. Many wrong ones from an address are told to wait.

        A right one counts whoever else comes from its address: behind a proxy everybody does.
        """
        try:
            return self._services.sessions.invited(link)
        except NotFound:
            self._services.authenticator.strangers.count("wrong-link")
            if self._wrong_again(request.remote_addr or ""):
                raise TooMany("too many wrong links from this address; wait a minute") from None
            raise

    def _wrong_again(self, address: str) -> bool:
        """Counts a wrong link; whether there were too many of them within a minute."""
        now = self._services.clock.now()
        with self._lock:
            since, count = self._wrong.get(address, (now, 0))
            if now - since >= dt.timedelta(minutes=1):
                since, count = now, 0
            self._wrong[address] = (since, count + 1)
            if len(self._wrong) > _ADDRESSES:
                self._wrong.popitem(last=False)
        return count >= _WRONG_LINKS_A_MINUTE

    # What is called what

    def names(self) -> dict[str, str]:
        """The parties' names in the memoranda that the person may see."""
        holder = self.known()
        if holder is None:
            return {}
        if "names" not in g:
            found = {ADMINISTRATOR: "The administrator"}
            try:
                lives = self._services.agreements.book.current().lives().values()
            except Unavailable:
                return found
            for version in (v for life in lives for v in life.versions if v.mou is not None):
                parties = {p.id: p.name for p in version.mou.parties} if version.mou else {}
                if self.administrates(holder) or holder.party in parties:
                    found |= parties
            g.names = found
        names: dict[str, str] = g.names
        return names

    @staticmethod
    def number(name: str, *, most: int = 10**15) -> int | None:
        """A whole number of the address; None where it is not given. Raises InputWrong."""
        text = request.args.get(name, "")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and int(text[:16]) <= most):
            raise InputWrong(f"`{text}` is not a whole number up to {most}", field=name)
        return int(text)
