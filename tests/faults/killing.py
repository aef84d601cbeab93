"""A server that is killed under clients, again and again, and what they have in hands afterwards."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from audit.look import entries_of
from governance.adapters.store.database import open_database
from governance.verification import verify_home
from governance.wrapping import open_keys
from tests.faults.homes import FEW
from tests.serving import Served, serving
from tests.simulator import World

__all__ = ["Received", "killed", "lost"]

_CLIENTS = 8
_START_SECONDS = 300  # a machine may be busy; that it starts is the point
_FORBIDDEN = {"purpose": "marketing"}


@dataclass
class Received:
    """What one request got before the end: its nonce, the entry that it was told, rows that could be read."""

    signature: str
    status: int
    entry: int | None
    rows: int
    whole: bool


@dataclass
class _Client:
    """Asks until nobody answers; one request in four is one that is refused."""

    world: World
    port: int
    number: int
    answered: threading.Event
    received: list[Received] = field(default_factory=list)

    def run(self) -> None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            for turn in range(self.number, 1_000_000):
                declared = _FORBIDDEN if turn % 4 == 0 else {}
                body, headers = self.world.signed_query(self.world.partners["dashboard"], FEW, **declared)
                try:
                    connection.request("POST", "/v1/query", body=body, headers=headers)
                    response = connection.getresponse()
                except (OSError, http.client.HTTPException):
                    return
                if not self._read(response, headers["Signature"]):
                    return

    def _read(self, response: http.client.HTTPResponse, signature: str) -> bool:
        data, whole = b"", True
        try:
            data = response.read()
        except http.client.IncompleteRead as error:
            data, whole = error.partial, False
        except OSError:
            whole = False
        told = response.headers.get("Accordant-Entry")
        table = data.partition(b'"rows": ')[2].partition(b'"protection"')[0]
        rows = table.count(b'["') if response.status == 200 else 0
        if response.status == 200:
            self.answered.set()
        self.received.append(Received(signature, response.status, int(told) if told else None, rows, whole))
        return whole


def killed(world: World, *, rounds: int, seed: int, most_seconds: float = 0.4) -> list[Received]:
    """Everything that clients received in so many lives of the server, each ended by `kill -9` at a random instant."""
    chance, received = random.Random(seed), []
    for number in range(rounds):
        with serving(world.settings, seconds=_START_SECONDS, ACCORDANT_REQUESTS_PER_MINUTE="100000000") as server:
            answered = threading.Event()
            clients = [_Client(world, server.port, turn, answered) for turn in range(_CLIENTS)]
            threads = [threading.Thread(target=client.run) for client in clients]
            for thread in threads:
                thread.start()
            if number % 3:
                answered.wait(30)  # two lives in three end in full work, the third in its first moments
            time.sleep(chance.uniform(0.0, most_seconds))
            _kill(server)
            for thread in threads:
                thread.join()
            received += [one for client in clients for one in client.received]
    return received


def _kill(server: Served) -> None:
    for pid in server.workers():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait()


def lost(world: World, received: list[Received]) -> list[str]:
    """What is not in the log as it was told, or twice; and what `audit verify` finds."""
    requests, clients = {}, Counter[str]()
    engine, keys = open_database(world.settings.database_url), open_keys(world.settings)
    try:
        for entry in entries_of(engine, {"request", "disclosure"}, keys=keys):
            if entry.kind == "request":
                requests[entry.seq] = entry.body
            else:
                clients[entry.body["call"]] += sum(len(s) for s in entry.body["subjects"].values())
    finally:
        keys.close()
        engine.dispose()
    wrong = [f"verify: {fault.sentence}" for fault in verify_home(world.settings).faults]
    wrong += [f"{signature} stands {n} times" for signature, n in _signatures(requests).items() if n > 1]
    for one in received:
        body = requests.get(one.entry) if one.entry is not None else None
        if one.status == 200 and body is None:
            wrong.append(f"an answer of {one.rows} rows has no entry")
        elif body is not None and body["declaration"]["signature"] not in one.signature:
            wrong.append(f"entry {one.entry} is about another request than the one that was told of it")
        elif body is not None and one.rows > clients[body["call"]]:
            wrong.append(f"entry {one.entry} names fewer clients than rows that left")
        elif body is None and one.status == 403:
            wrong.append("a refusal has no entry")
    return wrong


def _signatures(requests: dict[int, dict[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(body["declaration"]["signature"]) for body in requests.values())
