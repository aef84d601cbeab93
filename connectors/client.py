"""A client of an Accordant server: it signs what it asks (RFC 9421), declares its purpose, and reads the answer.

    client = Client("https://data.example.org", read_key(Path("connector.pem")))
    answer = client.query(
        dataset="enrollments", fields=["program", "completed"], rows="all", view="aggregate",
        purpose="program-improvement", mou="benchmarking",
    )
    answer.json()["rows"]

Each request has a nonce and a signature of its own, so a client never repeats one by itself: whether a request whose
answer was lost had been counted is for the log to say. It follows no redirection, for a signature covers the address.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import secrets
import weakref
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from connectors.answers import ARROW, CSV, JSON, Answer, QueryRefused, error_of
from connectors.keyfile import state_file
from governance.errors import InputWrong, NotAuthentic, Unavailable
from governance.signing.http import sign_request
from governance.signing.keys import PrivateKey

if TYPE_CHECKING:
    from connectors.memory import LogMemory

__all__ = ["ARROW", "CSV", "JSON", "Answer", "Client", "QueryRefused"]

_TIMEOUT = (10.0, 300.0)  # seconds to connect, and between two reads


def _say(words: str) -> None:
    logging.getLogger("accordant.client").warning(words)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class _Signature(AuthBase):
    """Signs a request as it will go over the wire, after `requests` has settled its address and body."""

    def __init__(self, client: Client, purpose: str | None, mou: str | None) -> None:
        self._client, self._purpose, self._mou = client, purpose, mou

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        client = self._client
        if client.key is None:
            return request
        body = request.body or b""
        signed = sign_request(
            key=client.key,
            method=request.method or "GET",
            target_uri=client.origin + request.path_url,
            now=client.now(),
            nonce=secrets.token_urlsafe(24),
            body=body if isinstance(body, bytes) else body.encode(),
            content_type=str(request.headers.get("Content-Type", JSON)),
            purpose=self._purpose,
            mou=self._mou,
        )
        request.headers.update(signed)
        return request


class _Unsigned(AuthBase):
    """Signs nothing, and keeps `requests` from looking for a password in `~/.netrc`."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Client:
    """One server, one key. Not for several threads at once unless each has its own `session`.

    `url` is where the server is reached; `origin` is its public origin, which signatures cover, where that differs.
    Without a `key` only what is open to everybody can be read.

    Whatever is answered carries the log's checkpoint. The client remembers it in the file `memory` (one of its own for
    each key and server; by default under `$XDG_STATE_HOME/accordant`) and raises LogForked where the log is not the one
    that it saw before. `say` is told what a person should know; by default it is logged. `remember` False: it looks at
    no checkpoint, for whoever holds them against each other without it.
    """

    def __init__(
        self,
        url: str,
        key: PrivateKey | None = None,
        *,
        party: str | None = None,
        origin: str | None = None,
        session: requests.Session | None = None,
        now: Callable[[], dt.datetime] = _now,
        memory: Path | None = None,
        remember: bool = True,
        say: Callable[[str], None] = _say,
    ) -> None:
        self.url = _origin(url)
        self.origin = self.url if origin is None else _origin(origin)
        self.key = key
        self.party = party
        self.now = now
        self._session = session or requests.Session()
        self._remember, self._say = remember, say
        self._place = memory or state_file(self.url, key.fingerprint if key is not None else None)
        self._memory: LogMemory | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        signed: bool = True,
        purpose: str | None = None,
        mou: str | None = None,
    ) -> requests.Response:
        """One call, its answer not read yet. Raises the error that its status stands for, or Unavailable."""
        if not path.startswith("/"):
            raise InputWrong(f"the path `{path}` begins with `/`", field="path")
        headers = {"Accept": accept} | ({"Content-Type": content_type} if body is not None else {})
        auth = _Signature(self, purpose, mou) if signed else _Unsigned()
        try:
            response = self._session.request(
                method,
                self.url + path,
                params=params,
                data=body,
                headers=headers,
                auth=auth,
                stream=True,
                allow_redirects=False,
                timeout=_TIMEOUT,
            )
        except requests.Timeout:
            detail = f"the server at {self.url} did not answer in time; the log says whether the request was counted"
            raise Unavailable(detail, reason="server-timeout") from None
        except requests.ConnectionError:
            raise Unavailable(f"no server answers at {self.url}", reason="server-unreachable") from None
        except requests.RequestException as error:
            raise InputWrong(f"no request can be made of `{path}`: {error}", reason="request-malformed") from None
        self._saw(response)
        if response.status_code >= 300:
            raise self._told(error_of(response))
        return response

    def _saw(self, response: requests.Response) -> None:
        """Holds the answer's checkpoint against what was seen before. Raises LogForked, and nothing of it is read."""
        header = response.headers.get("Accordant-Checkpoint")
        if not self._remember or not header:
            return
        if self._memory is None:
            # Imported here: what is known of logs is needed only by who meets one.
            from connectors.memory import LogMemory

            anew = weakref.WeakMethod(self._open)
            self._memory = LogMemory(self._place, read=lambda path: _through(anew, path), say=self._say)
            weakref.finalize(self, self._memory.flush)
        try:
            self._memory.saw(header)
        except BaseException:
            response.close()
            raise

    def log_origin(self) -> str:
        """The name of the server's log, from a checkpoint that was held against what was seen before."""
        note = Answer(self.request("GET", "/log/checkpoint", accept="*/*", signed=False)).read()
        if self._memory is not None:
            self._memory.saw(b64encode(note).decode("ascii"))
        origin, _, rest = note.decode("utf-8", "replace").partition("\n")
        if not origin or not rest:
            raise Unavailable("the server shows no checkpoint of its log", reason="answer-malformed")
        return origin

    def _open(self, path: str) -> bytes:
        return Answer(self.request("GET", path, accept="*/*", signed=False)).read()

    def _told(self, error: Exception) -> Exception:
        if isinstance(error, NotAuthentic) and self.key is None:
            return NotAuthentic(f"{error.detail}; no key was given", reason=error.reason)
        return error

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON at a path."""
        return Answer(self.request("GET", path, params=params)).json()

    def text(self, path: str, params: Mapping[str, Any] | None = None) -> str:
        """The text at a path."""
        return Answer(self.request("GET", path, params=params, accept="text/plain, */*;q=0.5")).text()

    def read(self, path: str, params: Mapping[str, Any] | None = None, *, accept: str = "*/*") -> bytes:
        """The very bytes at a path."""
        return Answer(self.request("GET", path, params=params, accept=accept)).read()

    def post(self, path: str, document: Any, *, signed: bool = True) -> Any:
        """The JSON that answers a JSON document; None where the answer is empty."""
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        return self._posted(path, body, JSON, signed)

    def post_bytes(self, path: str, body: bytes, *, content_type: str) -> Any:
        """The JSON that answers a body of another type."""
        return self._posted(path, body, content_type, True)

    def _posted(self, path: str, body: bytes, content_type: str, signed: bool) -> Any:
        answer = Answer(self.request("POST", path, body=body, content_type=content_type, signed=signed))
        content = answer.read()
        try:
            return json.loads(content) if content else None
        except ValueError:
            raise Unavailable("the answer is not JSON", reason="answer-malformed") from None

    def query(
        self,
        body: Mapping[str, Any] | None = None,
        /,
        *,
        purpose: str,
        mou: str,
        accept: str = JSON,
        from_: list[str] | None = None,
        **parts: Any,
    ) -> Answer:
        """A data request under a signed purpose declaration. Its parts are those of `POST /v1/query`.

        Raises QueryRefused with the clauses that refuse it and the nearest request that would pass.
        """
        asked = dict(body or {}) | {k: v for k, v in parts.items() if v is not None}
        if from_ is not None:
            asked["from"] = from_
        content = json.dumps(asked, ensure_ascii=False, separators=(",", ":"), default=_plain).encode("utf-8")
        return Answer(self.request("POST", "/v1/query", body=content, accept=accept, purpose=purpose, mou=mou))


def _through(method: weakref.WeakMethod[Any], path: str) -> bytes:
    """The memory must not keep the client alive: what was seen is written down when the client goes."""
    read = method()
    if read is None:
        raise Unavailable("the client is gone", reason="client-gone")
    found: bytes = read(path)
    return found


def _plain(value: Any) -> Any:
    """Days and instants in filters become text."""
    if isinstance(value, dt.date):
        return value.isoformat()
    raise InputWrong(f"`{value!r}` is not a value that JSON can hold", reason="malformed")


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.username:
        raise InputWrong(f"`{url}` is not a server's address such as https://data.example.org", field="--server")
    if not parts.hostname.isascii():
        raise InputWrong(f"`{url}`: write the host in its ASCII form (`xn--…`)", field="--server")
    if parts.query or parts.fragment:
        raise InputWrong(f"`{url}` is an address alone, without `?` or `#`", field="--server")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")
