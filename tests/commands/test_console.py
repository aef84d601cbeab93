"""`accordant console`: a signed call, and the link on standard output alone."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import segno
from click.testing import CliRunner

from connectors.keyfile import write_key
from governance.commands.console import console
from governance.errors import Refused
from governance.signing.keys import PrivateKey
from tests.connectors.wire import Arrived, Reply, serving

MADE = {
    "link": "http://accordant.test/sign-in/secret",
    "good_until": "2026-11-02T12:05:00.000001Z",
    "party": "northside",
    "person": "the director",
}


def test_the_link_is_printed_alone(tmp_path: Path) -> None:
    """For a pipe; whose it is and how long it is good are words, on standard error."""
    key = PrivateKey.generate("ed25519")
    write_key(tmp_path / "key.pem", key)
    arrived: list[Arrived] = []

    def answer(request: Arrived) -> Reply:
        arrived.append(request)
        return Reply(201, json.dumps(MADE).encode())

    with serving() as server:
        server.answer = answer
        words = ["--server", server.origin, "--key", str(tmp_path / "key.pem")]
        plain = CliRunner().invoke(console, words, catch_exceptions=False)
        as_json = CliRunner().invoke(console, [*words, "--json"], catch_exceptions=False)
    assert MADE["link"] + "\n" == plain.stdout
    assert "the director of northside; good once, until 12:05 UTC" in plain.stderr
    assert MADE == json.loads(as_json.stdout)
    assert ("POST", "/v1/sessions") == (arrived[0].method, arrived[0].path)
    assert arrived[0].signed(key.public).keyid == key.fingerprint


def test_the_link_as_a_picture_for_a_phone(tmp_path: Path) -> None:
    """Beside the link, on standard error: what programs read stays the link alone."""
    write_key(tmp_path / "key.pem", PrivateKey.generate("ed25519"))
    with serving() as server:
        server.answer = lambda _: Reply(201, json.dumps(MADE).encode())
        words = ["--server", server.origin, "--key", str(tmp_path / "key.pem"), "--qr"]
        ran = CliRunner().invoke(console, words, catch_exceptions=False)
    drawn = io.StringIO()
    segno.make_qr(MADE["link"], error="l").terminal(out=drawn, border=2, compact=True)
    assert MADE["link"] + "\n" == ran.stdout
    assert drawn.getvalue() in ran.stderr


def test_a_refusal_is_told(tmp_path: Path) -> None:
    """A connector's key has no console."""
    write_key(tmp_path / "key.pem", PrivateKey.generate("ed25519"))
    with serving() as server:
        server.answer = lambda _: Reply(403, b'{"detail":"the console is for people","reason":"not-a-person"}')
        words = ["--server", server.origin, "--key", str(tmp_path / "key.pem")]
        with pytest.raises(Refused, match="the console is for people"):
            CliRunner().invoke(console, words, catch_exceptions=False)
