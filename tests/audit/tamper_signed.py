"""Rows of the tamper table: whole histories, with the log's key and a witness's, and what auditors took along."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from sqlalchemy import delete

from audit import NoteSigner
from audit.cosigned import COSIGNATURES, CosignatureStore
from audit.published import Published
from audit.witnessing import ask
from tests.audit.tamper_entries import sql
from tests.audit.tamper_row import DATABASE, FILES, KEYS, LOG_KEY, WITNESS_KEY, Row
from tests.audit.tamper_scene import LAST, Scene
from tests.audit.ways import new_content
from tests.audit.witness import Fake
from tests.audit.worlds import ORIGIN

__all__ = ["SIGNED"]

Found = Sequence[tuple[str, str]]


def _by_policy(scene: Scene) -> Found:
    return [(fault.code, fault.message) for fault in scene.verified(policy=scene.policy)]


def _of_export(scene: Scene) -> Found:
    return [(fault.code, fault.message) for fault in scene.exported()]


def _of_witness(scene: Scene) -> Found:
    return [("forked" if "another" in said else "rewound", said) for said in scene.alarms()]


def _rewritten(scene: Scene) -> None:
    """One entry says something else; chain, tree, head, signature and content are as the log would make them."""
    with scene.database() as cheat:
        new_content(cheat, 8)
        cheat.move_head(cheat.rechain(9), signer=scene.signer)
        cheat.connection.execute(delete(COSIGNATURES))
        cheat.connection.exec_driver_sql("DELETE FROM audit_tiles")


def _cut(scene: Scene, first: int = LAST - 1) -> None:
    """The last entries are gone, and the head is signed for those that are left."""
    with scene.database() as cheat:
        cheat.remove(first, last=LAST)
        cheat.move_head(cheat.rechain(first), signer=scene.signer)
        cheat.connection.execute(delete(COSIGNATURES))


def _cut_and_cosigned(scene: Scene) -> None:
    _cut(scene, LAST)
    _cosigned(scene)


def _cosigned(scene: Scene) -> None:
    """The witness's key vouches for what is there now."""
    with scene.opened() as log:
        blind = Fake(scene.signer.verifier, scene.cosigner)
        ask(Published(log), CosignatureStore(log.engine), scene.policy, post=blind)


def _line_altered(scene: Scene) -> None:
    with scene.database() as cheat:
        (line,) = cheat.connection.exec_driver_sql("SELECT line FROM audit_cosignatures").scalars()
        head, sep, tail = bytes(line).rpartition(b" ")
        altered = head + sep + bytes([tail[0]]) + tail[1:20] + (b"A" if tail[20:21] != b"A" else b"B") + tail[21:]
        cheat.connection.exec_driver_sql("UPDATE audit_cosignatures SET line = ?", (altered,))


def in_export(name: str, change: Callable[[bytes], bytes]) -> Callable[[Scene], None]:
    """One file of the folder."""

    def does(scene: Scene) -> None:
        path = scene.export / name
        path.write_bytes(change(path.read_bytes()))

    return does


def _body_line(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if json.loads(line)["seq"] == 52)
    lines[at] = lines[at].replace(b'"number":52', b'"number":53')
    return b"".join(lines)


SIGNED = (
    Row(
        "drops the witness's signature",
        sql("DELETE FROM audit_cosignatures"),
        (DATABASE,),
        "quorum-missing",
        "the checkpoint lacks the witnesses that the policy asks for",
        who="witness",
        looks=_by_policy,
    ),
    Row(
        "alters the witness's signature",
        _line_altered,
        (DATABASE,),
        "cosignature-wrong",
        "",
    ),
    Row(
        "puts the whole database back to an older copy of itself, key store and all",
        Scene.put_back,
        (DATABASE, FILES),
        "rewound",
        f"says that the log had {LAST + 1} entries; now it has 300",
        who="remembered",
    ),
    Row(
        "does so, where nobody kept a checkpoint but the witness",
        Scene.put_back,
        (DATABASE, FILES),
        "rewound",
        f"saw a log of {LAST + 1} entries, and this one has 300",
        who="witness",
        looks=_of_witness,
    ),
    Row(
        "writes history anew, signs it with the log's own key, and throws the cosignatures away",
        _rewritten,
        (DATABASE, KEYS, LOG_KEY),
        "history-differs",
        "the history was written anew",
        who="remembered",
    ),
    Row(
        "forks: shows the witness the history that was written anew",
        _rewritten,
        (DATABASE, KEYS, LOG_KEY),
        "forked",
        f"saw another log of {LAST + 1} entries",
        who="witness",
        looks=_of_witness,
    ),
    Row(
        "takes the last entries away and signs what is left with the log's own key",
        _cut,
        (DATABASE, KEYS, LOG_KEY),
        "rewound",
        f"says that the log had {LAST + 1} entries; now it has {LAST - 1}",
        who="remembered",
    ),
    Row(
        "takes the last entry away, signs what is left, and has the witness's own key vouch for it",
        _cut_and_cosigned,
        (DATABASE, KEYS, LOG_KEY, WITNESS_KEY),
        "rewound",
        f"says that the log had {LAST + 1} entries; now it has {LAST}",
        who="remembered",
    ),
    Row(
        "edits an entry in an auditor's export",
        in_export("tile/entries/000", lambda data: data.replace(b'"seq":53,', b'"seq":54,', 1)),
        (FILES,),
        "renumbered",
        "the entry stored as number 53 says that it is number 54",
        looks=_of_export,
    ),
    Row(
        "edits a content in an auditor's export",
        in_export("bodies.jsonl", _body_line),
        (FILES,),
        "body-changed",
        "the content of entry 52 is not the one that was recorded",
        looks=_of_export,
    ),
    Row(
        "alters a tile of an auditor's export",
        in_export("tile/0/000", lambda data: data[:3200] + bytes(32) + data[3232:]),
        (FILES,),
        "tile-differs",
        "the hash of entry 100 in the file `tile/0/000` is not theirs",
        looks=_of_export,
    ),
    Row(
        "exchanges the key that lies in an auditor's export, and the checkpoint's signature with it",
        lambda scene: _signed_export(scene, NoteSigner.generate(ORIGIN)),
        (FILES,),
        "checkpoint-key",
        "signed by another key",
        looks=_of_export,
    ),
)


def _signed_export(scene: Scene, forger: NoteSigner) -> None:
    text, _, _ = (scene.export / "checkpoint").read_bytes().partition(b"\n\n")
    (scene.export / "checkpoint").write_bytes(forger.sign(text.decode() + "\n"))
    (scene.export / "vkey").write_text(forger.vkey + "\n")
