"""Starts: two at once, one that is stopped before it is up, and one where nothing may be written."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.disks import read_only, small_disk
from tests.faults.homes import copied, events, refused_start
from tests.faults.killing import account
from tests.faults.load import MANY, loaded
from tests.faults.test_clients import ten_rows, until
from tests.serving import Served, free_port, serving
from tests.simulator import World

Tell = Callable[..., None]


def begun(world: World, name: str, **environ: str) -> Served:
    """A start that nobody waits for."""
    port, log = free_port(), world.settings.home / name
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ACCORDANT_")}
    words = [sys.executable, "-m", "governance.cli", "serve", "--home", str(world.settings.home)]
    with log.open("wb") as out:
        given = clean | {"ACCORDANT_LISTEN": f"127.0.0.1:{port}"} | environ
        return Served(port, subprocess.Popen(words, stdout=out, stderr=out, env=given), log)


@pytest.mark.fault("A second process is started for a home that is served")
def test_a_second_server_under_load(few: World, tmp_path: Path, figures: Tell) -> None:
    """It says so in one line and ends with 3; the first notices nothing."""
    world = copied(few, tmp_path)
    with serving(world.settings, **MANY) as server, loaded(world, server) as load:
        for _ in range(2):
            assert (3, f"accordant: another process serves the home `{world.settings.home}`\n") == refused_start(world)
        load.comes(200, times=8)
    assert {(200, None)} == load.answers()
    account(world, load.received).hold(figures, "a second process is started beside the service", rounds=2)


def test_of_two_starts_at_once_one_serves(few: World, tmp_path: Path) -> None:
    """Whichever has the home; the other ends with 3 and says why."""
    world = copied(few, tmp_path)
    servers = [begun(world, name) for name in ("one.log", "two.log")]
    try:
        until(lambda: [s for s in servers if s.process.poll() is not None], seconds=60)
        ended, serves = sorted(servers, key=lambda s: s.process.poll() is None)
        assert 3 == ended.process.returncode
        said = [line for line in ended.log.read_text().splitlines() if line.startswith("accordant:")]
        assert [f"accordant: another process serves the home `{world.settings.home}`"] == said
        until(lambda: "Started worker-1" in serves.log.read_text(), seconds=60)
        ten_rows(world, serves)
    finally:
        for server in servers:
            server.process.terminate()
            server.process.wait(60)


@pytest.mark.fault("The service is stopped (SIGTERM) while it starts")
def test_a_stop_during_a_slow_start(few: World, tmp_path: Path) -> None:
    """An engine that takes a connection and says nothing holds the start up, and no stop."""
    world = copied(few, tmp_path)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        server = begun(world, "slow.log", ACCORDANT_OPA_URL=url, ACCORDANT_ENGINE_SECONDS="600")
        try:
            mute.settimeout(60)
            asked, _ = mute.accept()
            server.process.send_signal(signal.SIGTERM)
            assert 0 == server.process.wait(30)
            asked.close()
        finally:
            server.kill()
    assert "Killing" not in server.log.read_text()
    with serving(world.settings) as again:
        ten_rows(world, again)
        assert [] == [e for e in events(again) if e["event"] in ("crashed", "unforeseen")]


@pytest.mark.fault("The home may only be read at a start")
def test_a_home_that_may_only_be_read(few: World, tmp_path: Path) -> None:
    """One line and exit code 3, and nothing is changed; once it may be written again, it starts."""
    with small_disk(tmp_path / "disk") as disk:
        world = copied(few, disk)
        with read_only(disk):
            code, words = refused_start(world)
            assert (3, 1) == (code, len(words.splitlines())), words
        with serving(world.settings) as server:
            ten_rows(world, server)
