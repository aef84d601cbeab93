"""The policy engine in process: `regopy` (rego-cpp), one compiled bundle for each dataset, made when first asked.

Its cost grows with the size of a bundle, so a dataset's bundle holds the library, that dataset's own modules and data,
and what its own documents know of parties, documents and clauses. Only a request that names one that these don't know
is asked again with everything that is known. Built-in errors are errors here, never undefined.

`regopy` has no time-out and one interpreter serves one thread: workers, each a thread with interpreters of its own, are
lent to whoever asks, and one that is late is not waited for: it ends when its evaluation does, and the next question
makes another. When too many are late at once, nothing is asked any more.

rego-cpp 1.5.2 reads some Rego otherwise than OPA does, and says nothing. What the policies therefore never do, inside
of a comprehension in a function: look something up by an argument of the function (`data.a[argument]`: every key is
taken), or put one into a list that is the head (`[[x, argument] | ...]`: nothing comes). Nor do they begin one with
`some key, value in`, or put two local names into one path to a rule. The three readings, compared on generated
documents, would find it.
"""

from __future__ import annotations

import json
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from regopy import Interpreter, LogLevel, RegoError
from regopy.rego_shared import (
    rego_bundle_query_entrypoint,
    rego_free_output,
    rego_output_ok,
    rego_output_string,
)

from governance.adapters.answer import ENTRYPOINT, decision, engine_input
from governance.adapters.rego_values import Prepared, plain
from governance.errors import EngineUnavailable
from governance.model.access import Decision, Facts, Request

if TYPE_CHECKING:
    from governance.ports import Bundle

__all__ = ["RegoEngine"]

_WORKERS = 4
_MOST_LATE = 16
_BUILD_SECONDS = 60.0
_CATALOGUE = "accordant/catalogue/data.json"
_NOTHING: dict[str, Any] = {"parties": {}, "mous": {}, "clauses": {}, "terms": {}, "datasets": {}}
_GLOBAL = frozenset({"unknown-party", "unknown-mou", "unknown-clause"})
_BUILDING = threading.Lock()  # the vendor's compiler is entered by one thread at a time


class RegoEngine:
    """`embedded`. Safe from any thread; holds at most a few workers, which end with the engine."""

    name = "embedded"

    def __init__(self, *, timeout: float = 2.0) -> None:
        self._timeout = timeout
        self._bundle: Bundle | None = None
        self._idle: list[_Worker] = []
        self._late: list[_Worker] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(_WORKERS)

    def load(self, bundle: Bundle) -> None:
        """Decide by this bundle from now on; raises EngineUnavailable and keeps the old one when it cannot."""
        worker = _Worker(bundle)
        try:
            worker.prepare(next(iter(bundle.datasets), ""), _BUILD_SECONDS)
        except EngineUnavailable:
            worker.end()
            raise
        with self._lock:
            old, self._idle, self._bundle = self._idle, [worker], bundle
        for former in old:
            former.end()

    def decide(self, request: Request, facts: Facts) -> Decision:
        """One decision. Raises EngineUnavailable."""
        if not self._places.acquire(timeout=self._timeout):
            raise EngineUnavailable("the policy engine is too busy", reason="engine-timeout")
        try:
            worker = self._borrow()
            given = engine_input(request, facts)
            try:
                raw = worker.ask(request.dataset, given, self._timeout)
                found = decision(raw, request, worker.bundle)
                if found.reason in _GLOBAL and found.outcome == "invalid":
                    found = decision(
                        worker.ask(request.dataset, given, self._timeout, whole=True), request, worker.bundle
                    )
            finally:
                self._return(worker)
            return found
        finally:
            self._places.release()

    def close(self) -> None:
        """Ends the workers; nothing can be decided afterwards."""
        with self._lock:
            idle, self._idle, self._bundle = self._idle, [], None
        for worker in idle:
            worker.end()

    def __del__(self) -> None:
        self.close()

    def _borrow(self) -> _Worker:
        with self._lock:
            if self._bundle is None:
                raise EngineUnavailable("the policy engine has no policies", reason="engine-unreachable")
            if self._idle:
                return self._idle.pop()
            self._late = [worker for worker in self._late if worker.busy]
            if len(self._late) >= _MOST_LATE:
                raise EngineUnavailable("the policy engine does not answer", reason="engine-timeout")
            return _Worker(self._bundle)

    def _return(self, worker: _Worker) -> None:
        with self._lock:
            if worker.busy:
                self._late.append(worker)
            elif worker.bundle is self._bundle:
                self._idle.append(worker)
                return
        worker.end()


class _Worker:
    """One thread with an interpreter for each dataset that it was asked about."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.busy = False
        self._questions: SimpleQueue[tuple[str, bool, list[Any] | None] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[Any, EngineUnavailable | None]] = SimpleQueue()
        self._prepared: set[tuple[str, bool]] = set()
        threading.Thread(target=_work, args=(bundle, self._questions, self._answers), daemon=True).start()

    def prepare(self, dataset: str, seconds: float, *, whole: bool = False) -> None:
        """Compile a dataset's policies; the first question pays for it, with a longer time to wait."""
        self._exchange(dataset, whole, None, seconds)
        self._prepared.add((dataset, whole))

    def ask(self, dataset: str, given: list[Any], seconds: float, *, whole: bool = False) -> Any:
        """The entrypoint's value."""
        known = dataset if dataset in self.bundle.datasets else ""
        if (known, whole) not in self._prepared:
            self.prepare(known, _BUILD_SECONDS, whole=whole)
        return self._exchange(known, whole, given, seconds)

    def end(self) -> None:
        """After what it does now."""
        self._questions.put(None)

    def _exchange(self, dataset: str, whole: bool, given: list[Any] | None, seconds: float) -> Any:
        self.busy = True
        self._questions.put((dataset, whole, given))
        try:
            value, error = self._answers.get(timeout=seconds)
        except Empty:
            raise EngineUnavailable("the policy engine did not answer in time", reason="engine-timeout") from None
        self.busy = False
        if error is not None:
            raise error
        return value


def _work(bundle: Bundle, questions: SimpleQueue[Any], answers: SimpleQueue[Any]) -> None:
    """The thread's life. Interpreters are made and used here only."""
    ready: dict[tuple[str, bool], _Policies] = {}
    while (question := questions.get()) is not None:
        dataset, whole, given = question
        try:
            if (dataset, whole) not in ready:
                ready[dataset, whole] = _Policies(bundle, dataset, whole=whole)
            answers.put((None if given is None else ready[dataset, whole].evaluate(given), None))
        except EngineUnavailable as error:
            answers.put((None, error))
        except Exception:
            answers.put((None, EngineUnavailable("the policy engine failed", reason="engine-error")))


class _Policies:
    """One dataset's compiled bundle."""

    def __init__(self, bundle: Bundle, dataset: str, *, whole: bool) -> None:
        self._interpreter = Interpreter()
        self._interpreter.strict_built_in_errors = True
        self._interpreter.log_level = LogLevel.NONE  # it prints to the process's own output
        own = bundle.datasets.get(dataset, ())
        with _BUILDING:
            for name, source in _needed(bundle, own).items():
                self._interpreter.add_module(name, source)
            self._interpreter.add_data_json(json.dumps(plain(_data(bundle, own, None if whole else dataset))))
            self._bundle = self._interpreter.build(None, [ENTRYPOINT])
            if not self._bundle.ok():
                raise EngineUnavailable("the policies do not compile", reason="engine-error")

    def evaluate(self, given: list[Any]) -> Any:
        try:
            self._interpreter.set_input(Prepared(given))
            output = rego_bundle_query_entrypoint(self._interpreter._impl, self._bundle._impl, ENTRYPOINT)
        except RegoError:
            raise EngineUnavailable("the policies failed", reason="engine-error") from None
        try:
            if not rego_output_ok(output):
                raise EngineUnavailable("the policies failed", reason="engine-error")
            text = rego_output_string(output)
        finally:
            rego_free_output(output)
        if text == "undefined":
            raise EngineUnavailable("the policies gave no answer", reason="engine-undefined")
        try:
            return json.loads(text)["expressions"][0]
        except (ValueError, KeyError, IndexError, TypeError):
            raise EngineUnavailable("the policy engine's answer is malformed", reason="engine-malformed") from None


def _needed(bundle: Bundle, own: tuple[str, ...]) -> dict[str, str]:
    """A dataset's modules and the library without what nothing imports: each rule more makes every call slower."""
    chosen = {
        name: _uncommented(source.decode())
        for name, source in bundle.files.items()
        if name.endswith(".rego") and (name in own or not name.startswith("accordant/datasets/"))
    }
    text = "\n".join(chosen.values())
    spare = [
        name for name in chosen if name.startswith("accordant/days/") and "import data.accordant.days\n" not in text
    ]
    return {name: source for name, source in chosen.items() if name not in spare}


def _uncommented(source: str) -> str:
    """The vendor's parser needs no comments, and no title in them."""
    return "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("#")) + "\n"


def _data(bundle: Bundle, own: tuple[str, ...], dataset: str | None) -> dict[str, Any]:
    """The data files of a dataset, each under its folders' names; the catalogue whole, or what its documents know."""
    data: dict[str, Any] = {}
    for name in own or (_CATALOGUE,):
        if name.endswith("/data.json"):
            place = data
            *folders, _ = name.split("/")
            for folder in folders:
                place = place.setdefault(folder, {})
            place.update(json.loads(bundle.files[name]))
    if dataset is not None:
        data["accordant"]["catalogue"] = {**_NOTHING, "revision": bundle.revision, **bundle.known.get(dataset, {})}
    return data
