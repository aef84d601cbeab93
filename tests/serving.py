"""A real `accordant serve`, a process of its own on the loopback, for a home that a `World` has made.

Signatures cover the home's public origin, which is not where it listens: `Served.post` sends what was signed.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from governance.settings import Settings

__all__ = ["Served", "free_port", "process", "serving"]

_START_SECONDS = 60
_STOP_SECONDS = 40


@dataclass(frozen=True)
class Served:
    """Where a server listens, and its process; `granian` serves from a child of it."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def connect(self, *, seconds: float = 120.0) -> http.client.HTTPConnection:
        """A kept-alive connection; for one thread."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)

    def workers(self) -> list[int]:
        """The process and everything below it."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    waiting += map(int, (task / "children").read_text().split())
        return found

    def kill(self) -> None:
        """Each of them by `kill -9`; none is left, and nothing is held by any, once this returns."""
        pids = self.workers()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        while any(_lives(pid) for pid in pids):
            time.sleep(0.005)

    def processor_seconds(self) -> float:
        """What all of them have used of the processors so far: the same whatever else the machine has to do."""
        ticks = 0
        for pid in self.workers():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """The resident bytes of its largest process, the one that serves."""
        sizes = [0]
        for pid in self.workers():
            with contextlib.suppress(OSError):
                sizes.append(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        return max(sizes)

    def peak(self) -> int:
        """The most resident bytes that its largest process ever had."""
        found = [0]
        for pid in self.workers():
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                found.append(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024)
        return max(found)


def _lives(pid: int) -> bool:
    """Until the last of its threads has gone, files are open and locks are held."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in ("Z", "X") or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except OSError:
        return False


def free_port() -> int:
    """A port of the loopback that nobody had a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def process(
    words: Sequence[str],
    *,
    port: int,
    log: Path,
    environ: Mapping[str, str],
    path: str = "/healthz",
    seconds: float = _START_SECONDS,
    pause: float = 0.05,
) -> Iterator[Served]:
    """A server from its command line; up when `path` answers 200, stopped when the block ends."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ACCORDANT_")}
    with log.open("ab") as events:
        server = subprocess.Popen(words, stdout=events, stderr=events, env=clean | dict(environ))
    try:
        deadline = time.monotonic() + seconds
        while not _answers(port, path):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(pause)
        yield Served(port, server, log)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextlib.contextmanager
def serving(
    settings: Settings, *, seconds: float = _START_SECONDS, pause: float = 0.05, **environ: str
) -> Iterator[Served]:
    """`accordant serve` for a home that nobody else has open; whether it is up is asked every `pause` seconds."""
    port = free_port()
    words = [sys.executable, "-m", "governance.cli", "serve", "--home", str(settings.home)]
    given = {"ACCORDANT_LISTEN": f"127.0.0.1:{port}"} | environ
    log = settings.home / "server.log"
    with process(words, port=port, log=log, environ=given, seconds=seconds, pause=pause) as served:
        yield served
