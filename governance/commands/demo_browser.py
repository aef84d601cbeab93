"""The demo's browser: signs in by a link as a person does, and reads the title of each page."""

from __future__ import annotations

import html
import re
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import urlsplit

from governance.errors import Refused

__all__ = ["browse"]

_PAGES = ("/", "/mous", "/mous/benchmarking", "/history", "/requests", "/waiting", "/data")
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_HEADING = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
_LEAD = re.compile(r'<p class="lead">(.*?)</p>', re.DOTALL)
_SECONDS = 30


def _words(pattern: re.Pattern[str], page: str) -> str:
    found = pattern.search(page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", found[1])).split()) if found else ""


def browse(link: str) -> list[tuple[str, str]]:
    """Each page's path, and what it says at its top. Raises Refused where one does not come."""
    parts = urlsplit(link)
    origin = f"{parts.scheme}://{parts.netloc}"
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def page(address: str, data: bytes | None = None) -> str:
        try:
            with opener.open(address, data, timeout=_SECONDS) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            detail = f"the console answered {error.code} at `{urlsplit(address).path}`"
            raise Refused(detail, reason="demo-differs") from None

    token = _TOKEN.search(page(link))
    if token is None:
        raise Refused("the link's page has no button", reason="demo-differs")
    page(link, urllib.parse.urlencode({"csrf_token": html.unescape(token[1])}).encode())
    seen = []
    for path in _PAGES:
        content = page(origin + path)
        seen.append((path, f"{_words(_HEADING, content)}: {_words(_LEAD, content)}"))
    return seen
