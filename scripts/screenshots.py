"""Pictures of the console in Chromium, of a home that the demo made: `python -m scripts.screenshots KEPT -o DIR`.

KEPT is the folder of `accordant demo --home KEPT`. Each page is taken on a desk and on a phone; `--docs` takes the few
that the README shows, into `docs/`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.parts import CHROMIUM_OPTIONS, find_chromium

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"desk": (1280, 860), "phone": (390, 844)}
# (name, path, size, dark) of what stands in docs/; for a path, `permit` is the newest request that was permitted
CHOSEN = (
    ("console-overview", "/", "desk", False),
    ("console-agreement", "/mous/benchmarking#clause-2.2", "desk", False),
    ("console-phone", "/history?kind=request", "phone", True),
    ("console-entry", "permit", "desk", False),
    ("console-entry-phone", "permit", "phone", False),
)


@contextmanager
def _serving(home: Path, origin: str) -> Iterator[None]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("ACCORDANT_")}
    words = [sys.executable, "-m", "governance.cli", "serve", "--home", str(home)]
    server = subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{origin}/healthz", timeout=2).close()  # noqa: S310 our own server, on loopback
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


def _signed_in(browser: Browser, kept: Path, origin: str, who: str, size: str, *, dark: bool) -> Page:
    key = kept / "home/keys/administrator.pem" if who == "administrator" else kept / "keys" / f"{who}.pem"
    words = [sys.executable, "-m", "governance.cli", "console", "--server", origin, "--key", str(key)]
    link = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", has_touch=size == "phone"
    )
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    return page


def _pages(page: Page, origin: str) -> dict[str, str]:
    """Every page, and an entry of each outcome that there is."""
    found = {"overview": "/", "agreements": "/mous", "agreement": "/mous/benchmarking", "history": "/history"}
    found |= {"filtered": "/history?kind=request&outcome=deny", "wrong": "/history?since=soon", "requests": "/requests"}
    found |= {"waiting": "/waiting", "data": "/data", "missing": "/history/999999"}
    for outcome in ("permit", "deny", "gap"):
        page.goto(f"{origin}/history?kind=request&outcome={outcome}")
        links = page.locator("tbody .seq")
        if links.count():
            found[f"entry-{outcome}"] = links.first.get_attribute("href") or ""
    return found


def _verified(page: Page) -> None:
    """Twice: the second time this browser remembers the log."""
    for _ in range(2):
        page.reload()
        page.locator("#verify-button").click()
        page.locator("#verify-verdict h3").wait_for()
    page.locator(".verify").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.verify').scrollIntoView()")


def main(words: list[str] | None = None) -> None:
    """Takes them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kept", type=Path, help="what `accordant demo --home` made")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--docs", action="store_true", help="only those that the README shows")
    parser.add_argument("--who", default="administrator", help="administrator, or a partner such as northside")
    options = parser.parse_args(words)
    settings = tomllib.loads((options.kept / "home/accordant.toml").read_text())
    origin = settings["origin"]
    options.out.mkdir(parents=True, exist_ok=True)
    with _serving(options.kept / "home", origin), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=CHROMIUM_OPTIONS)
        if options.docs:
            for name, path, size, dark in CHOSEN:
                page = _signed_in(browser, options.kept, origin, options.who, size, dark=dark)
                proved = path == "permit"
                page.goto(origin + (_pages(page, origin)["entry-permit"] if proved else path))
                if proved:
                    _verified(page)
                page.screenshot(path=options.out / f"{name}.png")
        else:
            for size in SIZES:
                for dark in (False, True):
                    page = _signed_in(browser, options.kept, origin, options.who, size, dark=dark)
                    for name, path in _pages(page, origin).items():
                        page.goto(origin + path)
                        if name == "entry-permit":
                            _verified(page)
                        shade = "-dark" if dark else ""
                        page.screenshot(path=options.out / f"{name}-{size}{shade}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
