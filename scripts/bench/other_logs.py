"""The log's append beside others: Tessera's POSIX log on the same disk, and a raw insert under a locked head."""

from __future__ import annotations

import asyncio
import base64
import multiprocessing
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import Engine, create_engine

from audit import Draft, KeyStore, Log, NoteSigner, WrappingKey
from audit.schema import make_durable, prepare
from scripts.bench.appends import BODY
from scripts.bench.measure import Row
from scripts.parts import find_go_tool, find_postgresql, install_go_tool
from tests.real_parts import start_postgresql

__all__ = ["beside_a_locked_head", "beside_tessera"]

_ORIGIN = "bench.test/log"
_CALLERS = 64
_SECONDS = 6.0
_TESSERA = "64 callers of the log, against Tessera's POSIX log at 64 connections on the same disk"
_POSTGRESQL = "64 callers in two processes on one PostgreSQL, against a raw insert under a locked head"


def _draft() -> Draft:
    return Draft("request", BODY, ("northside",), {"party": "northside", "outcome": "permit"}, use="content")


def _for_a_while(call: Callable[[], object], callers: int, seconds: float) -> list[float]:
    """What each call took, of so many threads that call without a pause."""
    taken: list[list[float]] = [[] for _ in range(callers)]
    until = time.perf_counter() + seconds

    def run(mine: list[float]) -> None:
        while (began := time.perf_counter()) < until:
            call()
            mine.append(time.perf_counter() - began)

    threads = [threading.Thread(target=run, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for mine in taken for one in mine]


def beside_tessera(folder: Path) -> list[Row]:
    """Ours in threads of this process, Tessera's over HTTP, as each is meant to be used. Needs Go."""
    tool = find_go_tool("posix") or install_go_tool("posix")
    engine = create_engine(f"sqlite:///{folder / 'beside.db'}")
    prepare(engine)
    keys = KeyStore(create_engine(f"sqlite:///{folder / 'beside-keys.db'}"), WrappingKey(secrets.token_bytes(32)))
    with Log.create(engine, keys=keys, origin=_ORIGIN, signer=NoteSigner.generate(_ORIGIN)) as log:
        draft = _draft()
        ours = _for_a_while(lambda: log.append([draft]), _CALLERS, _SECONDS)
        size = len(log.entry(0).body_bytes)  # type: ignore[union-attr]  # there is one
    keys.close()
    engine.dispose()
    rate, half = len(ours) / _SECONDS, median(ours)
    rows = []
    with _tessera(tool, folder) as port:
        for connections in (_CALLERS, 512, 2048):
            theirs = asyncio.run(_posted(port, connections, size, _SECONDS))
            other = len(theirs) / _SECONDS
            shown, beside = f"{rate:,.0f}/s", f"{other:,.0f}/s"
            if connections == _CALLERS:
                by, sooner = rate / other, half / median(theirs)
                rows.append(Row(_TESSERA, "entries a second", shown, beside, by, "≥ 20 ×", by >= 20))
                rows.append(
                    Row(_TESSERA, "half of them within (p50)", f"{half * 1e3:,.1f} ms",
                        f"{median(theirs) * 1e3:,.1f} ms", sooner, "≤ 0.05 ×", sooner <= 0.05)
                )  # fmt: skip
            else:
                rows.append(Row(_TESSERA, f"Tessera at {connections:,} connections", shown, beside, rate / other))
    return rows


@contextmanager
def _tessera(tool: Path, folder: Path) -> Iterator[int]:
    """The log with its default settings, on a port of its own."""
    signer = NoteSigner.generate(_ORIGIN)
    name, identity, _ = signer.vkey.split("+", 2)
    private = load_pem_private_key(signer.to_pem(), None)
    seed = private.private_bytes_raw() if isinstance(private, Ed25519PrivateKey) else b""
    key = folder / "tessera.key"
    key.write_text(f"PRIVATE+KEY+{name}+{identity}+{base64.b64encode(bytes([1]) + seed).decode()}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    words = [tool, f"--storage_dir={folder / 'tessera'}", f"--private_key={key}", f"--listen=127.0.0.1:{port}"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


async def _posted(port: int, connections: int, size: int, seconds: float) -> list[float]:
    """What each request took, of so many connections that are kept open and ask without a pause."""
    until = time.perf_counter() + seconds
    taken: list[float] = []
    head = f"POST /add HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n".encode()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < until:
            writer.write(head + secrets.token_bytes(size))
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            if answer.startswith(b"HTTP/1.1 200"):
                taken.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return taken


def beside_a_locked_head() -> list[Row]:
    """Two processes of 32 callers each: ours, and rows inserted in the same batches while a head's row is locked."""
    binaries = find_postgresql()
    if binaries is None:
        return []
    server = start_postgresql(binaries)
    try:
        secret, pem = secrets.token_bytes(32), NoteSigner.generate(_ORIGIN).to_pem()
        url = server.create()
        engine = create_engine(url)
        keys = KeyStore(create_engine(url), WrappingKey(secret))
        with Log.create(engine, keys=keys, origin=_ORIGIN, signer=NoteSigner.from_pem(_ORIGIN, pem)) as log:
            row = log.append([_draft()])[0]
        keys.close()
        engine.dispose()
        ours, commits = _two(_appending, (url, secret, pem))
        batch = max(1, round(ours / commits))
        raw, _ = _two(_inserting, (_raw(server.create()), len(row.leaf) + len(row.body_bytes) + 32, batch))
    finally:
        server.remove()
    ratio = ours / raw
    return [
        Row(_POSTGRESQL, f"entries a second, raw in batches of {batch}, as ours were", f"{ours / _SECONDS:,.0f}/s",
            f"{raw / _SECONDS:,.0f}/s", ratio, "≥ 0.5 ×", ratio >= 0.5)
    ]  # fmt: skip


def _raw(url: str) -> str:
    """A head of one row, and entries of bytes."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE head (id int PRIMARY KEY, size bigint)")
        connection.exec_driver_sql("INSERT INTO head VALUES (1, 0)")
        connection.exec_driver_sql("CREATE TABLE entries (seq bigint PRIMARY KEY, bytes bytea)")
    engine.dispose()
    return url


def _two(work: Callable[..., tuple[int, int]], given: tuple[object, ...]) -> tuple[int, int]:
    """Entries and transactions of two processes in the time."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.starmap(work, [given, given])
    return sum(entries for entries, _ in found), sum(transactions for _, transactions in found)


def _appending(url: str, secret: bytes, pem: bytes) -> tuple[int, int]:
    engine: Engine = create_engine(url)
    commits: list[object] = []
    sa.event.listen(engine, "commit", commits.append)
    keys = KeyStore(create_engine(url), WrappingKey(secret))
    with Log.open(engine, keys=keys, origin=_ORIGIN, signer=NoteSigner.from_pem(_ORIGIN, pem)) as log:
        draft = _draft()
        done = len(_for_a_while(lambda: log.append([draft]), _CALLERS // 2, _SECONDS))
    keys.close()
    engine.dispose()
    return done, len(commits)


def _inserting(url: str, size: int, batch: int) -> tuple[int, int]:
    engine: Engine = create_engine(url)
    data, done = secrets.token_bytes(size), 0
    with engine.connect() as connection:
        make_durable(connection)
        until = time.perf_counter() + _SECONDS
        while time.perf_counter() < until:
            with connection.begin():
                first = connection.scalar(sa.text("SELECT size FROM head WHERE id = 1 FOR UPDATE")) or 0
                rows = [(first + n, data) for n in range(batch)]
                connection.exec_driver_sql("INSERT INTO entries (seq, bytes) VALUES (%s, %s)", rows)
                connection.exec_driver_sql("UPDATE head SET size = %s WHERE id = 1", (first + batch,))
            done += batch
    engine.dispose()
    return done, done // batch
