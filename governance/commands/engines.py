"""Engines for a command that needs one for a moment: in process, a server that runs, or a server of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from governance.compiler.bundle import Bundle
from governance.errors import EngineUnavailable
from governance.model.access import Decision, Facts, Request
from governance.model.mou import Mou

__all__ = ["find_opa", "opened", "opa_server"]

_START_SECONDS = 10.0
_SLOW = 30.0  # a command waits longer than a gateway would

Decide = Callable[[Request, Facts], Decision]


def find_opa() -> Path | None:
    """An `opa` on the PATH, or one that was installed for the tests."""
    found = shutil.which("opa")
    if found:
        return Path(found)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "accordant"
    return next(iter(sorted(cache.glob("opa-*/opa"), reverse=True)), None)


@contextlib.contextmanager
def opa_server() -> Iterator[str]:
    """A private OPA server on loopback, for as long as the block lasts. Raises EngineUnavailable without an `opa`."""
    binary = find_opa()
    if binary is None:
        raise EngineUnavailable("no `opa` is on the PATH, and no --opa-url is given", reason="engine-unreachable")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(  # noqa: S603 — a program that was looked up, with arguments of ours
        [str(binary), "run", "--server", "--addr", address, "--log-level", "error", "--disable-telemetry"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        host, _, port = address.partition(":")
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise EngineUnavailable("the OPA server did not start", reason="engine-unreachable") from None
                time.sleep(0.05)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def opened(name: str, bundle: Bundle, mous: Sequence[Mou], *, opa_url: str | None) -> Iterator[Decide]:
    """An engine that decides by this bundle. Raises EngineUnavailable."""
    if name == "reference":
        from governance.compiler.reference import Reading

        yield Reading(mous).decide
    elif name == "embedded":
        from governance.adapters.rego import RegoEngine

        embedded = RegoEngine(timeout=_SLOW)
        embedded.load(bundle)
        yield embedded.decide
    else:
        from governance.adapters.opa import OpaEngine

        with contextlib.ExitStack() as stack:
            url = opa_url or stack.enter_context(opa_server())
            server = OpaEngine(url, timeout=_SLOW)
            server.load(bundle)
            yield server.decide
