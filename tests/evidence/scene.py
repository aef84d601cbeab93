"""A whole life in one evidence file: a decline, two versions, a rotation, a compromise, a withdrawal, two cosigners."""

from __future__ import annotations

import datetime as dt
import io
import os
import subprocess
import zipfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from tests.simulator import DOCUMENT, PARTIES, World
from tests.vouching import cosigner, written

__all__ = ["ASK", "Told", "evidence", "lived", "unpacked", "verified"]

ASK = "signed by these keys; whose they are you must ask"
FIRST = DOCUMENT.replace("withdrawal:", "amendment: {required: {at_least: 3, of: {roles: [partner]}}}\nwithdrawal:")
SECOND = (
    FIRST.replace("version: 1", "version: 2")
    .replace("effective: 2026-09-01", "effective: 2026-10-01")
    .replace("signing: {required: everyone}", "signing: {required: {at_least: 3, of: everyone}}")
)


@dataclass(frozen=True)
class Told:
    """What `verify.sh` answered."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line."""
        return self.out.rstrip("\n").rpartition("\n")[2]

    @property
    def faults(self) -> str:
        """The lines that say what does not hold."""
        return "\n".join(line for line in self.out.splitlines() if line.startswith("NOT VERIFIED"))


def lived(folder: Path) -> World:
    """The world after all of it; the first party's key is of P-256, the others' of Ed25519."""
    world = World.found(folder)
    for party in PARTIES:
        world.enrol(party, alg="ecdsa-p256-sha256" if party == "north" else "ed25519")
    world.propose(FIRST)
    world.decide_on(world.partners["east"], "decline", reason="the board wants to read it once more")
    for party in PARTIES:
        world.decide_on(world.partners[party], "sign")
    world.enrol("north", name="connector", use="connector")
    old = world.partners["north"]
    new = world.enrol("north", name="north-new", alg="ecdsa-p256-sha256", by=old)
    world.partners["north-old"] = old
    world.revoke("north-old")
    world.partners["north"] = new
    world.clock.pass_(days=1)
    world.revoke("west", since=world.clock.now() - dt.timedelta(hours=1))
    world.acknowledge(world.partners["south"])
    world.propose(SECOND)
    for party in ("south", "north", "east"):
        world.decide_on(world.partners[party], "sign")
    world.decide_on(world.partners["hub"], "withdraw", reason="we close")
    cosigned(world, "north", "south")
    return world


def cosigned(world: World, *names: str) -> None:
    """Partners cosign the newest checkpoint, one after the other."""
    written(world, *names, url=None)
    world.services.witnesses.ask()
    note = world.client.get("/log/checkpoint").data
    for name in names:
        line = cosigner(name).line(note, seconds=1_800_000_000)
        told = {"checkpoint": b64encode(note).decode(), "line": b64encode(line).decode()}
        world.told(world.partners[name], "POST", "/v1/cosignatures", told)


def evidence(world: World, name: str = "north", mou: str = "small") -> bytes:
    """The file, as a party gets it."""
    partner = world.administrator if name == "administrator" else world.partners[name]
    answer = world.call(partner, "POST", f"/v1/mous/{mou}/evidence")
    assert (200, "application/zip") == (answer.status_code, answer.content_type), answer.get_data(as_text=True)
    return answer.data


def unpacked(content: bytes, folder: Path) -> Path:
    """The file in a new folder."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


def verified(folder: Path, *words: str, shell: str = "sh", **env: str) -> Told:
    """`verify.sh` of a folder, run for real with a shell and nothing of ours in the environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "LANG": "C.UTF-8"} | env
    ran = subprocess.run(
        [shell, "verify.sh", *words], cwd=folder, env=environment, capture_output=True, check=False, timeout=120
    )
    return Told(ran.returncode, ran.stdout.decode(), ran.stderr.decode())
