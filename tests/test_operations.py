"""docs/operations.md against the program: settings, metrics, the unit, the commands of a backup."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from governance.home import init
from governance.settings import Settings
from governance.verification import verify_home
from governance.web.metrics import Metrics
from tests.faults.homes import living
from tests.simulator import World

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")


def table(title: str) -> dict[str, list[str]]:
    """The rows below a heading row, by the name in their first cell."""
    lines = TEXT.partition(title)[2].strip().splitlines()[1:]
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[: lines.index("")]]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_every_setting_is_told_with_its_default() -> None:
    """And no other."""
    told = table("| setting | default | meaning |")
    known = {field.name: field.default for field in fields(Settings) if field.name != "sources"}
    assert sorted(known) == sorted(told)
    said = {name: cells[0].strip("`") for name, cells in told.items()}
    numbers = {
        name: str(default).removesuffix(".0") for name, default in known.items() if isinstance(default, int | float)
    }
    assert numbers == {name: said[name] for name in numbers}
    assert (known["origin"], known["listen"], known["metrics_from"]) == (
        said["origin"], said["listen"], said["metrics_from"],
    )  # fmt: skip


def test_every_metric_is_told(tmp_path: Path) -> None:
    """And no other; those of the process itself aside."""
    world = World.found(tmp_path)
    families = [family for family in world.services.metrics.registry.collect() if family.name.startswith("accordant_")]
    world.close()
    names = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert sorted(names) == sorted(table("| metric | meaning |"))


def test_two_applications_share_no_metric() -> None:
    """A registry each."""
    one, other = Metrics(), Metrics()
    one.answer_bytes.inc(7)
    assert 7 == one.registry.get_sample_value("accordant_answer_bytes_total")
    assert 0 == other.registry.get_sample_value("accordant_answer_bytes_total")


def test_the_unit_is_one(tmp_path: Path) -> None:
    """systemd reads it without a word, but for the program that is not installed here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT TRIED: the unit, for want of systemd-analyze")
    unit = re.search(r"```ini\n(.*?)```", TEXT, re.DOTALL)[1]  # type: ignore[index]
    path = tmp_path / "accordant.service"
    # A program and a user that are here.
    here = {"/opt/accordant/bin/accordant serve": "/bin/true", "=accordant": "=daemon"}
    for theirs, ours in here.items():
        unit = unit.replace(theirs, ours)
    path.write_text(unit)
    ran = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True)
    assert (0, "") == (ran.returncode, "".join(x for x in ran.stderr.splitlines() if "accordant" in x))


def test_a_unit_waits_longer_than_a_stop_takes() -> None:
    """Otherwise systemd would kill what is about to close its accounts."""
    seconds = int(re.search(r"TimeoutStopSec=(\d+)", TEXT)[1])  # type: ignore[index]
    settings = Settings(home=Path("home"))
    assert seconds > settings.drain_seconds + settings.grace_seconds + 15


def test_the_backup_of_a_running_service_is_whole(tmp_path: Path) -> None:
    """The very commands, beside a service that goes on; restored elsewhere by the very command, the log verifies."""
    world = living(tmp_path / "srv")
    world.open()
    (tmp_path / "media").mkdir()
    program = Path(sys.executable).parent / "accordant"
    places = {
        "/srv/accordant": str(world.settings.home),
        "/var/backups": str(tmp_path),
        "/media/elsewhere": str(tmp_path / "media"),
        "/opt/accordant/bin/accordant": str(program),
    }

    def run(title: str, **more: str) -> None:
        script = TEXT.partition(f"\n## {title}\n")[2].partition("```sh\n")[2].partition("```")[0]
        for theirs, ours in (places | more).items():
            script = script.replace(theirs, ours)
        subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, check=True)

    run("Backup")
    (tmp_path / "checkpoints").write_bytes(world.services.published.checkpoint())
    world.close()
    run("Restore", **{"/srv/accordant": str(tmp_path / "restored")})
    from governance.settings import from_home

    found = verify_home(from_home(tmp_path / "restored", {}))
    assert () == found.faults
    assert found.size > 30


@pytest.mark.parametrize("name", ["origin", "listen"])
def test_what_init_writes_names_where_all_settings_stand(tmp_path: Path, name: str) -> None:
    """The file leads to the table."""
    settings = init(tmp_path / "home", origin="https://data.example.org", listen="127.0.0.1:8484")
    text = (settings.home / "accordant.toml").read_text()
    assert "docs/operations.md" in text
    assert f"\n{name} = " in text
