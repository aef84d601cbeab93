"""Uploads: only the owner of a key has a byte read, once, and only of the body that was signed for."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from governance.signing.http import sign_request
from tests.simulator import ORIGIN, World

_PATH = "/v1/sources/visits/rows"
_ROWS = b"client,program,grade,days,done\n1,reading,50,3,1\n"


class _Unread(io.BytesIO):
    """A body that nobody may read."""

    def __init__(self) -> None:
        super().__init__(_ROWS)

    def read(self, _size: int | None = -1) -> bytes:
        raise AssertionError("a byte was read")


def _headers(world: World, *, party: str = "north", body: bytes = _ROWS, **other: Any) -> dict[str, str]:
    given = {"key": world.partners[party].key, "target_uri": ORIGIN + _PATH, "nonce": secrets.token_urlsafe(24)} | other
    return sign_request(method="POST", now=world.clock.now(), body=body, content_type="text/csv", **given)


def _sent(world: World, headers: dict[str, str], stream: Any, size: int = len(_ROWS)) -> tuple[int, str]:
    answer = world.client.post(
        _PATH, headers=headers, base_url=ORIGIN, input_stream=stream, content_length=size, content_type="text/csv"
    )
    return answer.status_code, "" if answer.status_code == 201 else answer.json["reason"]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An agreement, and rows."""
    world = World.found(tmp_path_factory.mktemp("uploads")).agreed().filled(6)
    yield world
    world.close()


def _files(world: World) -> Iterator[Path]:
    return (p for p in Path(world.settings.data).rglob("*") if p.is_file())


def test_a_strangers_body_is_not_read(founded: World) -> None:
    """Nor one that names another's key, whose id is public, nor one for another address; no place is taken."""
    other = founded.partners["dashboard"].key
    good = _headers(founded)
    forged = dict(_headers(founded, key=other))
    north = founded.partners["north"].key.public.fingerprint
    forged["Signature-Input"] = forged["Signature-Input"].replace(other.public.fingerprint, north)
    elsewhere = _headers(founded, target_uri=ORIGIN + "/v1/sources/calls/rows")
    for headers in ({"Content-Type": "text/csv"}, forged, elsewhere):
        status, _ = _sent(founded, headers, _Unread())
        assert 401 == status
    assert founded.services.uploads.acquire(blocking=False)
    founded.services.uploads.release()
    assert good["Signature"] != forged["Signature"]


def test_a_connectors_body_is_not_read(founded: World) -> None:
    """It may only ask."""
    assert (403, "not-a-steward") == _sent(founded, _headers(founded, party="dashboard"), _Unread())


def test_another_body_than_was_signed_for(founded: World) -> None:
    """It is thrown away, and nothing of it stays."""
    before = set(_files(founded))
    with _stream(_ROWS.replace(b"50", b"99")) as stream:
        assert (401, "digest-wrong") == _sent(founded, _headers(founded), stream)
    assert before == set(_files(founded))


def test_the_same_words_twice(founded: World) -> None:
    """A nonce counts before the body is read: who listens can't hold a place with what he heard."""
    headers = _headers(founded)
    with _stream(_ROWS) as stream:
        assert (201, "") == _sent(founded, headers, stream)
    assert 409 == _sent(founded, headers, _Unread())[0]


def test_an_empty_body(founded: World) -> None:
    """Is said to have no rows, as a file is."""
    with _stream(b"") as stream:
        status, _ = _sent(founded, _headers(founded, body=b""), stream, 0)
    assert 400 <= status < 500


def _stream(data: bytes) -> IO[bytes]:
    return io.BytesIO(data)
