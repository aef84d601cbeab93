"""The power fails: `kill -9` in the middle of appends, and a database server that dies under load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from audit import Log, LogUnavailable, NoteSigner, verify
from tests.audit.worlds import ORIGIN, draft, keys_of, numbers, opened

if TYPE_CHECKING:
    from tests.real_parts import PostgreSQL

ROOT = Path(__file__).resolve().parents[2]

# Says a number on its output only once its entry is durable.
WRITER = """
import sys, threading
from audit import Log, NoteSigner
from tests.audit.worlds import ORIGIN, draft, keys_of, opened

url, key, start = sys.argv[1], open(sys.argv[2], "rb").read(), int(sys.argv[3])
with opened(url) as engine:
    log = Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=NoteSigner.from_pem(ORIGIN, key))

    def work(thread):
        number = start + thread
        while True:
            seq = log.append([draft(number)])[0].seq
            sys.stdout.write(f"{number} {seq}\\n")
            sys.stdout.flush()
            number += 4

    for thread in range(4):
        threading.Thread(target=work, args=(thread,)).start()
    threading.Event().wait()
"""


def killed_after(lines: int, url: str, key: Path, start: int) -> dict[int, int]:
    """Starts the writer, kills it after some acknowledgements, and gives all that it made."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(key), str(start)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    said += process.stdout.readlines()
    process.stdout.close()
    assert -signal.SIGKILL == process.wait()
    whole = [line.split() for line in said if line.endswith("\n")]
    return {int(number): int(seq) for number, seq in whole}


def crash_rounds(rounds: int, url: str, folder: Path, signer: NoteSigner) -> tuple[int, int]:
    """Acknowledged entries, and how many of them are lost or stand twice."""
    key = folder / "log.key"
    key.write_bytes(signer.to_pem())
    acknowledged: dict[int, int] = {}
    with opened(url) as engine:
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer).close()
        for number in range(rounds):
            acknowledged |= killed_after(30 + 17 * (number % 5), url, key, start=number * 1_000_000)
            with Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer) as log:
                found = numbers(log)
                assert verify(log, vkey=signer.vkey).ok
                assert len(found) == len(set(found))
        wrong = [n for n, seq in acknowledged.items() if found[seq] != n]
    return len(acknowledged), len(wrong)


def test_kill_9_loses_nothing_that_was_acknowledged(url: str, tmp_path: Path, signer: NoteSigner) -> None:
    """A few rounds; each reopens, verifies, and finds every acknowledged entry once, where it was said to be."""
    acknowledged, wrong = crash_rounds(2, url, tmp_path, signer)
    assert acknowledged >= 70
    assert 0 == wrong


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_kill_9_in_many_rounds(url: str, tmp_path: Path, signer: NoteSigner) -> None:
    """Fifty rounds."""
    acknowledged, wrong = crash_rounds(50, url, tmp_path, signer)
    print(f"{acknowledged} acknowledged, {wrong} lost")
    assert 0 == wrong


@pytest.mark.postgresql
def test_a_database_server_that_dies_under_load(
    postgresql: PostgreSQL, postgresql_url: str, signer: NoteSigner
) -> None:
    """Callers are refused while it is away; when it is back the log goes on, whole."""
    told: list[int] = []
    refused: list[LogUnavailable] = []
    stop = threading.Event()
    with opened(postgresql_url, pool_pre_ping=True) as engine:
        with Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer) as log:

            def work(thread: int) -> None:
                number = thread
                while not stop.is_set():
                    try:
                        log.append([draft(number)])
                        told.append(number)
                    except LogUnavailable as error:
                        refused.append(error)
                        time.sleep(0.02)
                    number += 4

            threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(0.3)
            postgresql.crash()
            time.sleep(0.2)
            postgresql.start()
            before = len(told)
            until = time.monotonic() + 20
            while len(told) < before + 20 and time.monotonic() < until:
                time.sleep(0.02)
            stop.set()
            for thread in threads:
                thread.join()
            found = numbers(log)
            assert verify(log, vkey=signer.vkey).ok
        assert len(told) >= before + 20
        assert refused
        assert set(told) <= set(found)
        assert len(found) == len(set(found))


def test_a_forked_process_does_not_write(tmp_path: Path, signer: NoteSigner) -> None:
    """The sequencer is the process's own: a child is refused at once instead of waiting for a thread it lacks."""
    script = """
import os, sys
from audit import Log, LogUnavailable, NoteSigner
from tests.audit.worlds import ORIGIN, draft, keys_of, opened
with (
    opened(sys.argv[1]) as engine,
    Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=NoteSigner.generate(ORIGIN)) as log,
):
    log.append([draft(1)])
    child = os.fork()
    if child == 0:
        try:
            log.append([draft(2)])
        except LogUnavailable:
            os._exit(7)
        os._exit(8)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(list(log.entries())))
"""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, f"sqlite:///{tmp_path}/log.db"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert "7 1" == ran.stdout.strip()


def test_a_file_system_that_may_only_be_read(tmp_path: Path, signer: NoteSigner) -> None:
    """A folder that is not there is told as the log's being unavailable, never as the driver's error."""
    with opened(f"sqlite:///{tmp_path}/nowhere/log.db") as engine, pytest.raises(LogUnavailable):
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer)
