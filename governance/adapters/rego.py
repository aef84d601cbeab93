"""The policy engine in process: `regopy` (rego-cpp), one compiled bundle for each dataset, made when first asked.

Its cost grows with the size of a bundle, so a dataset's bundle holds the library, the catalogue and that dataset's own
modules and data, nothing else. Built-in errors are errors here, never undefined.

`regopy` has no time-out and one interpreter serves one thread: workers, each a thread with interpreters of its own, are
lent to whoever asks, and one that is late is not waited for: it is dropped from the pool and ends when its evaluation
does, while the next question makes a new one.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from queue import Empty, LifoQueue, SimpleQueue
from typing import TYPE_CHECKING, Any

from regopy import Bundle as CompiledBundle
from regopy import Input, Interpreter, RegoError
from regopy.rego_shared import rego_output_ok, rego_output_string

from governance.adapters.answer import ENTRYPOINT, decision, engine_input
from governance.errors import EngineUnavailable
from governance.model.access import Decision, Facts, Request

if TYPE_CHECKING:
    from governance.ports import Bundle

__all__ = ["RegoEngine"]

_IDLE = 8  # workers that wait for work; more than that end when they are done
_KEPT = 64  # compiled datasets a worker


def _nested(path: str, value: Any) -> Any:
    """The data of `a/b/data.json` as it stands in the document: `{"a": {"b": value}}`."""
    for name in reversed(path.split("/")[:-1]):
        value = {name: value}
    return value


def _merged(into: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merged(into[key], value)
        else:
            into[key] = value
    return into


class _Compiled:
    """One dataset's policies, compiled for one thread."""

    def __init__(self, bundle: Bundle, dataset: str) -> None:
        wanted = set(bundle.datasets.get(dataset, ()))
        self._interpreter = Interpreter()
        self._interpreter.strict_built_in_errors = True
        # regopy keeps only the last of several documents at one root, so there is one.
        data: dict[str, Any] = {}
        for name, content in bundle.files.items():
            if "/datasets/" in name and name not in wanted:
                continue
            if name.endswith(".rego"):
                self._interpreter.add_module(name, content.decode())
            elif name.endswith("data.json") and ("/documents/" not in name or name in wanted):
                _merged(data, _nested(name, json.loads(content)))
        self._interpreter.add_data(data)
        self._bundle: CompiledBundle = self._interpreter.build(None, [ENTRYPOINT])

    def ask(self, question: Any) -> Any:
        """The entrypoint's value. Raises EngineUnavailable."""
        self._interpreter.set_input(Input(question))
        output = self._interpreter.query_bundle_entrypoint(self._bundle, ENTRYPOINT)
        said = rego_output_string(output._impl)
        if not rego_output_ok(output._impl):
            raise EngineUnavailable("an error inside a rule of the policy", reason="engine-error")
        if said == "undefined":
            raise EngineUnavailable("the policy gave no decision", reason="engine-undefined")
        try:
            expressions = json.loads(said)["expressions"]
        except (ValueError, KeyError, TypeError):
            raise EngineUnavailable("the policy engine's answer is malformed", reason="engine-malformed") from None
        if len(expressions) != 1:
            raise EngineUnavailable("the policy gave no decision", reason="engine-undefined")
        return expressions[0]


_Job = tuple["Bundle", str, Any, "Future[Any]"]


class _Worker:
    """A thread with interpreters of its own."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._compiled: OrderedDict[tuple[str, str], _Compiled] = OrderedDict()
        threading.Thread(target=self._run, name="accordant-rego", daemon=True).start()

    def give(self, job: _Job | None) -> None:
        """A job, or None: no more will come."""
        self._jobs.put(job)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            bundle, dataset, question, future = job
            try:
                future.set_result(self._of(bundle, dataset).ask(question))
            except EngineUnavailable as error:
                future.set_exception(error)
            except RegoError:
                future.set_exception(EngineUnavailable("the policy cannot be evaluated", reason="engine-error"))
            except Exception as error:  # a worker that dies would hang its caller
                future.set_exception(error)

    def _of(self, bundle: Bundle, dataset: str) -> _Compiled:
        key = (bundle.revision, dataset if dataset in bundle.datasets else "")
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = _Compiled(bundle, dataset)
            while len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        else:
            self._compiled.move_to_end(key)
        return compiled


class RegoEngine:
    """The port `Engine` in process. Safe from any thread. `timeout` in seconds, compiling included."""

    name = "embedded"

    def __init__(self, *, timeout: float = 10.0) -> None:
        self._timeout = timeout
        self._bundle: Bundle | None = None
        self._idle: LifoQueue[_Worker] = LifoQueue()

    def load(self, bundle: Bundle) -> None:
        """Decides by this bundle from now on; one that does not compile raises and leaves the old one."""
        for dataset in (*list(bundle.datasets)[:1], ""):
            self._ask(bundle, dataset, None)
        self._bundle = bundle

    def decide(self, request: Request, facts: Facts) -> Decision:
        """One decision. Raises EngineUnavailable."""
        bundle = self._bundle
        if bundle is None:
            raise EngineUnavailable("no policies were loaded", reason="engine-unreachable")
        raw = self._ask(bundle, request.dataset, engine_input(request, facts))
        return decision(raw, request, bundle)

    def _ask(self, bundle: Bundle, dataset: str, question: Any) -> Any:
        try:
            worker = self._idle.get_nowait()
        except Empty:
            worker = _Worker()
        future: Future[Any] = Future()
        worker.give((bundle, dataset, question, future))
        try:
            answer = future.result(self._timeout)
        except FutureTimeout:
            # The worker is left to itself: it ends when its evaluation does.
            worker.give(None)
            raise EngineUnavailable("the policy engine did not answer in time", reason="engine-timeout") from None
        except EngineUnavailable as error:
            self._back(worker)
            if question is None and error.reason != "engine-error":
                return None  # a compile is all that `load` wants
            raise
        except Exception:
            worker.give(None)
            raise EngineUnavailable("the policy engine failed", reason="engine-error") from None
        self._back(worker)
        return answer

    def _back(self, worker: _Worker) -> None:
        if self._idle.qsize() < _IDLE:
            self._idle.put(worker)
        else:
            worker.give(None)
