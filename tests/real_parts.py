"""Running the real parts that tests talk to: an OPA server on loopback, a throw-away PostgreSQL cluster.

Each test process (`pytest -n 2` has two) has its own, on a port or socket of its own, so none needs a lock. They
end with the process that made them, even when that is killed: the kernel is asked to tell them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

__all__ = ["Opa", "PostgreSQL", "start_opa", "start_postgresql"]


def _ends_with_us(signum: int) -> Callable[[], None]:
    """For `preexec_fn`: the child is sent `signum` when its parent dies (Linux; elsewhere the fixtures must do)."""
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def ask() -> None:
        if libc is not None:
            libc.prctl(1, signum)  # PR_SET_PDEATHSIG

    return ask


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, *, seconds: float = 60) -> None:
    """Until `ready`; raises RuntimeError with the end of the log when the process ends before, or takes too long."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and process.poll() is None:
        if ready():
            return
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise RuntimeError(f"{process.args!r} is not ready:\n{log.read_text(errors='replace')[-2000:]}")


@dataclass
class Opa:
    """A running `opa run --server`; `url` is its base, without a slash at the end."""

    url: str
    process: subprocess.Popen[bytes]

    def suspend(self) -> None:
        """It takes connections and answers nothing, until `resume`: each of its threads stands once this returns."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Gone: connections are refused. Twice does no harm."""
        self.process.kill()
        self.process.wait()


def start_opa(binary: Path, folder: Path, *options: str) -> Opa:
    """A fresh, empty server on a free port of the loopback; `options` are more words for `opa run --server`."""
    for attempt in range(5):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        log = folder / f"opa-{port}.log"
        words = [binary, "run", "--server", "--disable-telemetry", "--log-level=error", f"--addr=127.0.0.1:{port}"]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*words, *options],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=_ends_with_us(signal.SIGKILL),
            )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(lambda url=url: _healthy(url), process, log)  # type: ignore[misc]
        except RuntimeError:
            if attempt == 4 or "address already in use" not in log.read_text(errors="replace"):
                raise  # only a port that somebody took in between is worth another try
        else:
            return Opa(url, process)
    raise AssertionError("unreachable")


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@dataclass
class PostgreSQL:
    """A cluster of our own on a unix socket, durable as in production (`fsync` is on), trusting its one user."""

    binaries: Path
    folder: Path  # holds `data`, the socket and the log
    owner: pwd.struct_passwd | None  # whom it runs as; None: ourselves
    process: subprocess.Popen[bytes] | None = None
    count: int = field(default=0)

    def url(self, database: str = "postgres") -> str:
        """For SQLAlchemy, with psycopg."""
        return f"postgresql+psycopg://accordant@/{database}?host={self.folder}"

    def run(self, *words: str) -> None:
        subprocess.run(
            [self.binaries / words[0], *words[1:]], cwd=self.folder, check=True, capture_output=True, **self._as_owner()
        )

    def start(self) -> None:
        log = self.folder / "log"
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "max_connections": "60"}
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.folder / "data"]
                + [word for key, value in settings.items() for word in ("-c", f"{key}={value}")],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=_ends_with_us(signal.SIGQUIT),
                **self._as_owner(),
            )
        _wait(self._answers, self.process, log)

    def crash(self) -> None:
        """As when the power fails, but for the disk: no process says goodbye. `start` brings it back."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def kill(self) -> None:
        """Every one of its processes at once, by `kill -9`."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.kill()
        for pid in map(int, children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def read_only(self, wanted: bool) -> None:
        """Whether transactions that begin from now on may only read, those of whoever is connected too."""
        self._say("ALTER SYSTEM SET default_transaction_read_only = " + ("on" if wanted else "off"))
        self._say("SELECT pg_reload_conf()")

    def remove(self) -> None:
        """Ended, and nothing of it left."""
        if self.process is not None and self.process.poll() is None:
            self.crash()
        shutil.rmtree(self.folder)

    def create(self) -> str:
        """A fresh, empty database; its URL."""
        self.count += 1
        name = f"test_{self.count}"
        self._say(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Away with it, whoever is still connected."""
        name = re.search(r"@/(\w+)\?", url)[1]  # type: ignore[index]
        self._say(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _say(self, statement: str) -> None:
        with psycopg.connect(host=str(self.folder), user="accordant", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def _answers(self) -> bool:
        try:
            self._say("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _as_owner(self) -> dict[str, object]:
        if self.owner is None:
            return {}
        # the environment too: neither our HOME nor a PG* variable of ours is meant for it
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C"}
        return {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": [], "env": env}


def start_postgresql(binaries: Path) -> PostgreSQL:
    """A new cluster in a folder of its own under the temporary folder; as `postgres` or `nobody` when we are root."""
    owner = _unprivileged() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="accordant-pg-"))  # short: a socket's path holds 107 bytes
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    cluster = PostgreSQL(binaries, folder, owner)
    try:
        words = ["--username=accordant", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        cluster.run("initdb", *words, "-D", str(folder / "data"))
        cluster.start()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return cluster


def _unprivileged() -> pwd.struct_passwd:
    """PostgreSQL refuses to run as root, and rightly so."""
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]
