"""Decisions: in this process, cached and not, beside the OPA server over loopback; 1,000 MOUs in force beside 10."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from governance.adapters.opa import OpaEngine
from governance.adapters.rego import RegoEngine
from governance.agreements import Checked
from governance.bootstrap import open_services
from governance.compiler.bundle import Bundle, compile_bundle
from governance.model.access import NO_FACTS, Request
from governance.model.mou import Mou
from governance.ports import Engine
from scripts.bench import place
from scripts.bench.measure import Row, alternate, median, repeated
from tests.simulator import World

__all__ = ["beside_the_server", "many_beside_few"]

_SECONDS = 30.0


@contextlib.contextmanager
def _server(folder: Path, bundle: Bundle) -> Iterator[Engine | None]:
    """An OPA server that was started with the bundle, as the production profile's polls it; None without OPA."""
    target = folder / bundle.revision[:16]
    for name, data in bundle.files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with contextlib.closing(place.opa(folder, ["--bundle", str(target)])) as servers:
        served = next(servers, None)
        if served is None:
            yield None
            return
        engine = OpaEngine(f"http://127.0.0.1:{served.port}", timeout=_SECONDS)
        engine.load(bundle)
        yield engine
        engine.close()


def _request(dataset: str, purpose: str = "program-improvement") -> Request:
    return Request(
        party="northside", dataset=dataset, fields=place.FIELDS, rows="own", view="identified", purpose=purpose,
        at=dt.datetime.now(dt.UTC),
    )  # fmt: skip


def beside_the_server(world: World, folder: Path, *, rounds: int = 300) -> list[Row]:
    """One decision of the collaborative's bundle, three ways in turn."""
    engine = RegoEngine(timeout=_SECONDS)
    services = open_services(world.settings, engine=engine, check=lambda *_: Checked(0, ()))  # nothing is activated
    try:
        decider = services.gateway.decider
        bundle = compile_bundle(decider.documents())
        request = _request("enrollments")
        facts = services.agreements.book.current().facts(request)
        assert decider.decide(request).outcome == "permit"  # noqa: S101 - else another thing is measured
        cached = repeated(lambda: decider.decide(request), 50)
        with _server(folder, bundle) as server:
            ways = [lambda _: engine.decide(request, facts), cached]
            if server is not None:
                ways.append(lambda _: server.decide(request, facts))
            taken = [median(seconds) for seconds in alternate(*ways, rounds=rounds, warm=10)]
    finally:
        services.close()
    taken[1] /= 50
    beside = f"{taken[2] * 1e6:,.0f} µs" if len(taken) > 2 else "no OPA here"
    against = [seconds / taken[2] if len(taken) > 2 else None for seconds in taken]
    part, own = "one decision, against the OPA server over loopback", [f"{seconds * 1e6:,.1f} µs" for seconds in taken]
    return [
        Row(part, "embedded, not cached", own[0], beside, against[0], "≤ 400 µs", taken[0] <= 400e-6),
        Row(part, "embedded, cached", own[1], beside, against[1], "≤ 20 µs", taken[1] <= 20e-6),
    ]


def many_beside_few(folder: Path, *, many: int = 1_000, few: int = 10, rounds: int = 150) -> list[Row]:
    """The same questions to an engine that knows many MOUs and to one that knows few."""
    mous = place.documents(many)
    rows = []
    for name in ("embedded", "opa"):
        with contextlib.ExitStack() as stack:
            engines = [_loaded(name, folder, mous[:count], stack) for count in (few, many)]
            if engines[0] is None or engines[1] is None:
                rows.append(Row(_PART, f"{name} engine", "no OPA here", "no OPA here"))
                continue
            rows.append(_compared(name, engines[1], engines[0], rounds))
    return rows


_PART = "one decision, 1,000 MOUs in force against 10"


def _loaded(name: str, folder: Path, mous: Sequence[Mou], stack: contextlib.ExitStack) -> Engine | None:
    bundle = compile_bundle(mous)
    if name == "opa":
        return stack.enter_context(_server(folder, bundle))
    engine = RegoEngine(timeout=_SECONDS)
    stack.callback(engine.close)
    engine.load(bundle)
    return engine


def _compared(name: str, many: Engine, few: Engine, rounds: int) -> Row:
    requests = [_request(f"d{n:04}") for n in range(3)]
    for request in requests:  # the first question about a dataset prepares it
        assert few.decide(request, NO_FACTS).outcome == many.decide(request, NO_FACTS).outcome == "permit"  # noqa: S101
    taken = alternate(
        lambda n: many.decide(requests[n % 3], NO_FACTS),
        lambda n: few.decide(requests[n % 3], NO_FACTS),
        rounds=rounds,
        warm=10,
    )
    ours, beside = map(median, taken)
    ratio = ours / beside
    return Row(
        _PART, f"{name} engine", f"{ours * 1e6:,.0f} µs", f"{beside * 1e6:,.0f} µs", ratio, "≤ 1.2", ratio <= 1.2
    )
