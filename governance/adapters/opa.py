"""The policy engine as a server: OPA, asked through `opa-python-client`. Every failure is a denial with its own reason.

What the client lets through is mapped here, once: it raises `requests` errors from a query, its own errors share no
base, and OPA answers an undefined result with 200 and no `result`
(https://www.openpolicyagent.org/docs/rest-api#get-a-document-with-input). Built-in errors are asked for as errors, not
as undefined. The client's time-out is for each read; here one limit holds for a whole answer, in time and in bytes.

`load` leaves a server alone that has the revision already (one that polls bundles, or was started with one). Otherwise
it pushes, the revision last, and while it does the server answers with no revision, which counts for nobody.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import requests
from opa_client import errors as vendor
from opa_client.opa import OpaClient
from requests.adapters import HTTPAdapter

from governance.adapters.answer import ENTRYPOINT, decision, engine_input
from governance.errors import EngineUnavailable, InputWrong
from governance.model.access import Decision, Facts, Request

if TYPE_CHECKING:
    from governance.ports import Bundle

__all__ = ["OpaEngine"]

T = TypeVar("T")
_CATALOGUE = "accordant/catalogue"
_DOCUMENTS = "accordant/documents"
_MOST_BYTES = 4 * 2**20
_PUSH_SECONDS = 30.0
# The client's own errors share no base but Exception.
_VENDOR: tuple[type[Exception], ...] = tuple(
    e for e in vars(vendor).values() if isinstance(e, type) and issubclass(e, Exception)
)
_REFUSED: tuple[type[Exception], ...] = (requests.exceptions.RequestException, *_VENDOR)


class OpaEngine:
    """`opa`. Safe from any thread: the session behind it lends each request a connection of its own."""

    name = "opa"

    def __init__(self, url: str, *, timeout: float = 2.0) -> None:
        self._timeout = timeout
        self._client = _client(url, timeout)
        self._pusher = _client(url, _PUSH_SECONDS)
        self._bundle: Bundle | None = None
        self._loading = threading.Lock()

    def load(self, bundle: Bundle) -> None:
        """Decide by this bundle from now on; raises EngineUnavailable and keeps the old one when it cannot."""
        with self._loading:
            if self.revision() != bundle.revision:
                self._push(bundle)
                if self.revision() != bundle.revision:
                    raise EngineUnavailable("the OPA server has other documents", reason="engine-stale")
            self._bundle = bundle

    def decide(self, request: Request, facts: Facts) -> Decision:
        """One decision. Raises EngineUnavailable."""
        bundle = self._bundle
        if bundle is None:
            raise EngineUnavailable("no policies were loaded", reason="engine-unreachable")
        given = engine_input(request, facts)
        package, _, rule = ENTRYPOINT.rpartition("/")
        strict = {"strict-builtin-errors": True}
        answer = _mapped(lambda: self._client.query_rule(given, package, rule, strict), again=True)
        if not isinstance(answer, dict):
            raise EngineUnavailable("the OPA server's answer is malformed", reason="engine-malformed")
        if "result" not in answer:
            raise EngineUnavailable("the OPA server's answer is undefined", reason="engine-undefined")
        return decision(answer["result"], request, bundle)

    def revision(self) -> str | None:
        """The revision that the server has, None without one."""

        def ask() -> Any:
            try:
                return self._client.get_data(f"{_CATALOGUE}/revision")
            except vendor.PolicyNotFoundError:
                return None

        answer = _mapped(ask, again=True)
        found = answer.get("result") if isinstance(answer, dict) else None
        return found if isinstance(found, str) else None

    def version(self) -> str:
        """The server's own version. Raises EngineUnavailable."""
        query = {"query": "x := opa.runtime().version"}
        url, seconds = f"{self._client.root_url}/query", self._timeout
        answer = _mapped(lambda: self._client._session.post(url, json=query, timeout=seconds).json())
        return str(_mapped(lambda: answer["result"][0]["x"]))

    def loaded(self) -> str | None:
        """As the port promises."""
        return self.revision()

    def close(self) -> None:
        """Lets the connections go."""
        self._client.close_connection()
        self._pusher.close_connection()

    def _push(self, bundle: Bundle) -> None:
        sources = {n: data.decode() for n, data in bundle.files.items() if n.endswith(".rego")}
        catalogue, documents = _data(bundle)
        _mapped(lambda: self._pusher.update_or_create_data({"revision": ""}, _CATALOGUE))
        for name in _mapped(self._pusher.get_policies_list):
            # Modules that are not ours stay. Those of clauses go first, so that none meets a library it doesn't fit.
            if name.startswith("accordant/datasets/") or (name.startswith("accordant/") and name not in sources):
                _mapped(lambda name=name: self._pusher.delete_policy(name))  # type: ignore[misc]
        self._push_modules({n: s for n, s in sources.items() if not n.startswith("accordant/datasets/")})
        self._push_modules({n: s for n, s in sources.items() if n.startswith("accordant/datasets/")})
        _mapped(lambda: self._pusher.update_or_create_data(documents, _DOCUMENTS))
        _mapped(lambda: self._pusher.update_or_create_data(catalogue, _CATALOGUE))

    def _push_modules(self, sources: Mapping[str, str]) -> None:
        """One by one; a module that calls what is not there yet is tried again when something else got in."""
        waiting = dict(sources)
        while waiting:
            before = len(waiting)
            failed: EngineUnavailable | None = None
            for name, source in list(waiting.items()):
                try:
                    _mapped(lambda n=name, s=source: self._pusher.update_policy_from_string(s, n, rego_compat=False))  # type: ignore[misc]
                except EngineUnavailable as error:
                    if error.reason != "engine-error":
                        raise
                    failed = error
                else:
                    del waiting[name]
            if failed is not None and len(waiting) == before:
                raise failed


def _data(bundle: Bundle) -> tuple[dict[str, Any], dict[str, Any]]:
    documents = {
        name.split("/")[2]: json.loads(data)
        for name, data in bundle.files.items()
        if name.startswith(f"{_DOCUMENTS}/") and name.endswith("/data.json")
    }
    return json.loads(bundle.files[f"{_CATALOGUE}/data.json"]), documents


def _mapped(call: Callable[[], T], *, again: bool = False) -> T:
    """The call's value, or EngineUnavailable; a broken connection is tried once more where that does no harm."""
    try:
        return call()
    except requests.exceptions.ConnectTimeout:
        raise EngineUnavailable("the OPA server cannot be reached", reason="engine-unreachable") from None
    except requests.exceptions.Timeout:
        raise EngineUnavailable("the OPA server did not answer in time", reason="engine-timeout") from None
    except requests.exceptions.ConnectionError:
        if again:
            return _mapped(call)
        raise EngineUnavailable("the OPA server cannot be reached", reason="engine-unreachable") from None
    except requests.exceptions.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        raise EngineUnavailable(f"the OPA server answered with status {status}", reason="engine-error") from None
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        # No JSON, or another shape than the client takes for granted.
        raise EngineUnavailable("the OPA server's answer is malformed", reason="engine-malformed") from None
    except _REFUSED:
        raise EngineUnavailable("the OPA server refused", reason="engine-error") from None


def _client(url: str, timeout: float) -> OpaClient:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise InputWrong(f"`{url}` is not the address of an OPA server, such as http://127.0.0.1:8181", field="opa_url")
    secure = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port or (443 if secure else 80)
    client = OpaClient(host=host, port=port, ssl=secure, retries=0, timeout=timeout)
    for scheme in ("http://", "https://"):
        client._session.mount(scheme, _Bounded(timeout))
    # A side-car on loopback: no proxy of the environment stands between.
    client._session.trust_env = False
    return client


class _Bounded(HTTPAdapter):
    """Reads each answer whole, within one time-out and a number of bytes, whatever the server does in between."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        super().__init__(pool_maxsize=32)

    def send(self, request: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        """As HTTPAdapter's, which a session calls with keywords only, but the body is there when it returns."""
        limit = time.monotonic() + self._seconds
        response = super().send(request, **(options | {"stream": True}))
        body = bytearray()
        try:
            while chunk := response.raw.read1(65536, decode_content=True):
                body += chunk
                if time.monotonic() > limit:
                    raise requests.exceptions.ReadTimeout(request=request)
                if len(body) > _MOST_BYTES:
                    raise ValueError("too many bytes")
        except Exception as error:
            response.close()
            if isinstance(error, requests.exceptions.Timeout | ValueError):
                raise
            if "timed out" in str(error).lower():
                raise requests.exceptions.ReadTimeout(request=request) from None
            raise requests.exceptions.ConnectionError(request=request) from None
        response._content = bytes(body)
        response._content_consumed = True  # type: ignore[attr-defined]
        response.raw.release_conn()
        return response
