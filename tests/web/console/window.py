"""Chromium at a world's console, and a window of it that keeps what the browser complains of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserType, Page, ViewportSize, sync_playwright
from werkzeug.serving import make_server

from scripts.parts import CHROMIUM_OPTIONS
from tests.simulator import ORIGIN, Partner, World
from tests.web.console.visitor import link_of

__all__ = ["DESK", "PHONE", "Window", "browsing", "launched", "served"]

DESK, PHONE = ViewportSize(width=1280, height=860), ViewportSize(width=360, height=740)


@contextmanager
def served(world: World) -> Iterator[int]:
    """The world at a socket of ours, also after it was opened anew; its port."""

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        # Read and closed here: werkzeug's server leaves an answer open where the browser has gone while it drains
        # the connection, and a file that is open until it is collected is a warning, thus a failure.
        answer: Any = world.client.application(environ, start)
        with closing(answer):
            return list(answer)

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def launched(kind: BrowserType, chromium: Path, port: int, *, secure: bool = True) -> Browser:
    """Chromium, which finds the world's host at that port; `secure`: as over TLS."""
    rules = [f"--host-resolver-rules=MAP accordant.test:80 127.0.0.1:{port}"]
    if secure:
        # Else the browser leaves out the headers that count only there, and the digests.
        rules.append(f"--unsafely-treat-insecure-origin-as-secure={ORIGIN}")
    return kind.launch(executable_path=str(chromium), args=[*CHROMIUM_OPTIONS, *rules])


@contextmanager
def browsing(chromium: Path, world: World) -> Iterator[Browser]:
    """Both."""
    with served(world) as port, sync_playwright() as playwright:
        opened = launched(playwright.chromium, chromium, port)
        yield opened
        opened.close()


@dataclass
class Window:
    """A page, and what the browser complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, browser: Browser, *, size: ViewportSize = DESK, dark: bool = False) -> Window:
        context = browser.new_context(
            viewport=size,
            base_url=ORIGIN,
            color_scheme="dark" if dark else "light",
        )
        window = cls(context.new_page())
        window.page.on("console", lambda said: window.complaints.append(said.text))
        window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
        return window

    def sign_in(self, world: World, partner: Partner) -> Window:
        self.page.goto(link_of(world, partner))
        self.page.get_by_role("button", name="Sign in").click()
        return self

    def close(self) -> None:
        self.page.context.close()
