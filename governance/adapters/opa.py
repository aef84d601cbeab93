"""The OPA server, through `opa-python-client`: every way in which it can fail is a denial with a reason of its own.

The client lets `requests`' errors out, gives its own no common base, and answers an undefined result with 200 and no
`result`; all of that ends here. A server that has the bundle already (it polls it) is taken as it is; otherwise policies
and data are pushed, the catalogue with the revision last, and until then nothing that it answers counts.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from opa_client import errors as client_errors
from opa_client.opa import OpaClient

from governance.adapters.answer import ENTRYPOINT, decision, engine_input
from governance.errors import EngineUnavailable
from governance.model.access import Decision, Facts, Request

if TYPE_CHECKING:
    from governance.ports import Bundle

__all__ = ["OpaEngine"]

_PACKAGE, _, _RULE = ENTRYPOINT.rpartition("/")
_CATALOGUE = "accordant/catalogue/data.json"
_STRICT = {"strict-builtin-errors": "true"}
# A module may be refused until one that it calls is there.
_ROUNDS = 12

# The client's own errors share no base but Exception.
_CLIENT_ERRORS: tuple[type[Exception], ...] = tuple(
    e for e in vars(client_errors).values() if isinstance(e, type) and issubclass(e, Exception)
)
_ANY_ERROR: tuple[type[Exception], ...] = (requests.RequestException, ValueError, *_CLIENT_ERRORS)


def _unavailable(error: Exception) -> EngineUnavailable:
    """What a failed call means."""
    if isinstance(error, requests.Timeout):
        return EngineUnavailable("the OPA server did not answer in time", reason="engine-timeout")
    if isinstance(error, requests.HTTPError):
        status = error.response.status_code if error.response is not None else 0
        if status >= 500:
            return EngineUnavailable("an error inside a rule of the policy", reason="engine-error")
        return EngineUnavailable(f"the OPA server refused the question ({status})", reason="engine-error")
    if isinstance(error, ValueError):  # requests' JSONDecodeError is one as well
        return EngineUnavailable("the OPA server's answer is not JSON", reason="engine-malformed")
    if isinstance(error, requests.RequestException):
        return EngineUnavailable("the OPA server is not reached", reason="engine-unreachable")
    return EngineUnavailable(f"the OPA client failed ({type(error).__name__})", reason="engine-error")


class OpaEngine:
    """The port `Engine` on a server. Safe from any thread: each has a connection of its own. `timeout` in seconds."""

    name = "opa"

    def __init__(self, url: str, *, timeout: float = 2.0, token: str | None = None) -> None:
        parts = urlsplit(url)
        self._host, self._secure = parts.hostname or "localhost", parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 8181)
        self._timeout, self._token = timeout, token
        self._local = threading.local()
        self._bundle: Bundle | None = None

    def _client(self) -> OpaClient:
        client = getattr(self._local, "client", None)
        if client is None:
            # No retries: a gateway that waits for a sick engine is sick itself.
            client = OpaClient(
                host=self._host,
                port=self._port,
                ssl=self._secure,
                timeout=self._timeout,
                retries=0,
                token=self._token,
            )
            self._local.client = client
        return client

    def load(self, bundle: Bundle) -> None:
        """Has the server decide by this bundle. Raises EngineUnavailable; then it decides nothing until a load succeeds."""
        self._bundle = None
        try:
            if self._revision() != bundle.revision:
                self._push(bundle)
            if self._revision() != bundle.revision:
                raise EngineUnavailable("the OPA server keeps other documents", reason="engine-stale")
        except EngineUnavailable:
            raise
        except _ANY_ERROR as error:
            raise _unavailable(error) from None
        self._bundle = bundle

    def _revision(self) -> str | None:
        found = self._client().query_rule(
            input_data={}, package_path="accordant/catalogue", rule_name="revision", query_params=_STRICT
        )
        result = found.get("result") if isinstance(found, dict) else None
        return result if isinstance(result, str) else None

    def _push(self, bundle: Bundle) -> None:
        client = self._client()
        # Whoever asks meanwhile, another process too, finds a revision that is nobody's.
        client.update_or_create_data({"revision": "loading"}, "accordant/catalogue")
        for name in client.get_policies_list():
            if name.startswith("accordant/") and name not in bundle.files:
                self._try_delete(client, name)
        for name, content in bundle.files.items():
            if name.endswith("data.json") and name != _CATALOGUE:
                client.update_or_create_data(json.loads(content), name.removesuffix("/data.json"))
        waiting = dict(bundle.modules)
        for _ in range(_ROUNDS):
            for name, source in list(waiting.items()):
                if self._put(client, name, source):
                    del waiting[name]
            if not waiting:
                break
        if waiting:
            raise EngineUnavailable("the OPA server refuses a policy of the bundle", reason="engine-error")
        for name in client.get_policies_list():
            if name.startswith("accordant/") and name not in bundle.files:
                client.delete_policy(name)
        client.update_or_create_data(json.loads(bundle.files[_CATALOGUE]), "accordant/catalogue")

    @staticmethod
    def _put(client: OpaClient, name: str, source: str) -> bool:
        try:
            return bool(client.update_policy_from_string(source, name, rego_compat=False))
        except _CLIENT_ERRORS:
            return False

    @staticmethod
    def _try_delete(client: OpaClient, name: str) -> None:
        try:
            client.delete_policy(name)
        except _CLIENT_ERRORS:
            return  # another policy still calls it; once the new ones are there it goes

    def decide(self, request: Request, facts: Facts) -> Decision:
        """One decision. Raises EngineUnavailable."""
        bundle = self._bundle
        if bundle is None:
            raise EngineUnavailable("the OPA server has no policies of ours", reason="engine-unreachable")
        try:
            found = self._client().query_rule(
                input_data=engine_input(request, facts),
                package_path=_PACKAGE,
                rule_name=_RULE,
                query_params=_STRICT,
            )
        except _ANY_ERROR as error:
            raise _unavailable(error) from None
        if not isinstance(found, dict):
            raise EngineUnavailable("the OPA server's answer is malformed", reason="engine-malformed")
        if "result" not in found:
            raise EngineUnavailable("the policy gave no decision", reason="engine-undefined")
        return decision(found["result"], request, bundle)
