"""A home's whole log, or its newest part: the proof and the claims, by one process or several."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import audit
from audit import Entry, KeyStore, Tampered
from audit.careful import Claims
from audit.look import recorded_at
from audit.note import Checkpoint, signatures_of
from audit.policy import Policy
from audit.schema import as_it_lies
from audit.sealing import Sealing
from audit.since import entries_back, entries_before
from governance.adapters.store.consents import stored_rows
from governance.adapters.store.database import open_database
from governance.adapters.store.version import require_version
from governance.errors import InputWrong, LogUnavailable
from governance.forgetting import KINDS as ORDERED
from governance.home import root_key
from governance.log_key import signs
from governance.register import KINDS, Register
from governance.settings import Settings
from governance.sources import file_sha256
from governance.verification.claims import Checker
from governance.verification.looks import LOOKED_AT, Asked, Look
from governance.verification.meaning import meaning
from governance.wrapping import open_keys

__all__ = ["Finding", "Findings", "verify_home"]

# A declaration lives for minutes; a request before the part that is looked at can be sent again only so long.
_NONCES_LIVE = dt.timedelta(minutes=15)
_MOST_RECALLED = 100_000
_AHEAD = dt.timedelta(minutes=5)  # so much may clocks differ


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: the entry, where one is to blame, a code, and a sentence for people."""

    seq: int | None
    code: str
    sentence: str

    @property
    def meaning(self) -> str:
        """What a fault of this kind means, for somebody who knows the law and not the format."""
        return meaning(self.code)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a verification found in a log of `size` entries, `since` on. `vouched`: up to where a quorum cosigned."""

    size: int
    faults: tuple[Finding, ...]
    checkpoint: bytes | None = None  # the newest, as a signed note
    since: int = 0
    vouched: int | None = None
    erased: tuple[tuple[int, int, int], ...] = ()  # runs of entries whose content was forgotten, and under which entry
    waiting: int = 0  # entries behind `vouched` that are so young that witnesses need not have seen them

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        faults = [{"entry": f.seq, "code": f.code, "sentence": f.sentence, "meaning": f.meaning} for f in self.faults]
        said: dict[str, Any] = {"whole": not faults, "entries": self.size, "since": self.since}
        said |= {"erased": [{"first": a, "last": b, "under": under} for a, b, under in self.erased]}
        said |= {"waiting": self.waiting} if self.waiting else {}
        return said | ({} if self.vouched is None else {"vouched": self.vouched}) | {"faults": faults}


def _ending(checker: Checker, data: Path, since: int) -> Iterator[Finding]:
    """What can be said only once everything was read: signatures that should count and do not, files, consents."""
    if not checker.consents_differ and next(checker.consents, None) is not None:
        yield Finding(None, "consents-surplus", "the table of consents holds a record that no entry of the log made")
    for (party, dataset), entry in checker.loads.items():
        path = data / str(entry.body.get("path"))
        if not path.is_file() or file_sha256(path) != entry.body.get("sha256"):
            yield Finding(
                entry.seq, "rows-changed", f"the rows of `{party}`'s {dataset} are not those that were loaded"
            )
    for failure in checker.caught_up().failures():
        if failure.hindsight or failure.seq < since:
            continue  # it counted in its place; that its key was compromised is told by the entry that says so
        who = f" of `{failure.party}`" if failure.party else ""
        yield Finding(failure.seq, failure.reason, f"the {failure.kind}{who} does not count: {failure.detail}")


def verify_home(
    settings: Settings,
    *,
    vkey: str | None = None,
    remembered: Sequence[bytes] = (),
    progress: Callable[[int, int], None] | None = None,
    jobs: int = 1,
    since: bytes | int = 0,
    policy: Policy | None = None,
    patience: float | None = None,
) -> Findings:
    """Verifies a home's log. `vkey`: the log's key as you know it, by default the one in the home's files.

    `remembered`: checkpoints that somebody kept, which the log must extend. `jobs`: so many processes. `since`: a
    checkpoint or a number; what lies before is read as far as later entries rest on it, and not judged again.
    `policy`: whose cosignatures the newest checkpoint needs; with `patience`, an earlier one that has them is enough
    while the first entry behind it is younger than so many seconds, as the service itself goes by.

    Statements that were refused when they came are no faults of the log: only what should count and does not is.
    """
    engine = open_database(settings.database_url)
    as_it_lies(engine)
    start = _first(since)
    consents = (row for row in stored_rows(engine) if type(row["entry"]) is not int or row["entry"] >= start)
    checker = Checker(root_key(settings), consents)
    keys: KeyStore | None = None
    try:
        require_version(engine, command=f"accordant upgrade --home {settings.home}")
        keys = open_keys(settings)
        as_it_lies(keys.engine)
        sealing = Sealing(keys)
        look = Look(_keys(engine, checker, sealing))
        if start:
            _recall(engine, checker, look, sealing, start)
        report = audit.verify(
            engine,
            vkey=vkey or signs(settings).vkey,
            keys=keys,
            open_keys=partial(open_keys, settings),
            remembered=remembered,
            progress=progress,
            claims=Claims(look, checker.judge, LOOKED_AT),
            jobs=jobs,
            since=since,
            policy=policy,
        )
        found = [Finding(f.seq, f.code, f.message) for f in report.faults]
        found += [Finding(*fault) for fault in checker.orders.ending(engine, report.erased)]
        found += _ending(checker, settings.data, start)
        waiting = 0
        if patience is not None and _waits(engine, report.vouched, patience):
            found = [one for one in found if one.code != "quorum-missing"]
            waiting = report.size - (report.vouched or 0)
    except Tampered as error:
        return Findings(0, (Finding(error.seq, error.code, str(error)),))
    except audit.WrongCheckpoint as error:
        return Findings(0, (Finding(None, "remembered-key", str(error)),))
    except audit.NoteWrong as error:
        raise InputWrong(str(error), reason="key-unreadable", field="--vkey") from error
    except audit.LogError as error:
        raise LogUnavailable(str(error)) from error
    except ValueError as error:
        raise InputWrong(str(error), reason="checkpoint-ahead", field="--since") from error
    finally:
        checker.close()
        if keys is not None:
            keys.close()
        engine.dispose()
    faults = tuple(sorted(found, key=lambda f: (f.seq is None, f.seq or 0)))
    return Findings(report.size, faults, report.checkpoint, report.since, report.vouched, report.erased, waiting)


def _waits(engine: Any, vouched: int | None, patience: float) -> bool:
    """Whether the first entry that no quorum vouches for is young enough. Nothing waits where none ever did.

    The log's own key dates its entries: one that is dated ahead is not young.
    """
    recorded = recorded_at(engine, vouched) if vouched else None
    if recorded is None:
        return False
    return -_AHEAD <= dt.datetime.now(dt.UTC) - recorded < dt.timedelta(seconds=patience)


def _first(since: bytes | int) -> int:
    """The first entry that is judged. Raises NoteWrong, as InputWrong, for a file that is no checkpoint."""
    if isinstance(since, int):
        return since
    try:
        return Checkpoint.from_text(signatures_of(since)[0]).size
    except audit.NoteWrong as error:
        raise InputWrong(f"`--since` is no checkpoint: {error}", reason="checkpoint-unreadable") from error


def _keys(engine: Any, checker: Checker, sealing: Sealing) -> dict[str, str]:
    """The keys that signatures are looked at with, by fingerprint; one that is not found here is found later."""
    found = {checker.root.fingerprint: checker.root.pem}
    enrolled: list[Entry] = []
    with suppress(audit.LogError):  # whatever is wrong is told when its turn comes
        enrolled.extend(entries_before(engine, {"enrolment"}, sealing))
    keyring = Register.from_entries(enrolled, root=checker.root).keyring
    return found | {name: enrolment.key.pem for name, enrolment in keyring.enrolments.items()}


def _recall(engine: Any, checker: Checker, look: Look, sealing: Sealing, start: int) -> None:
    """What later entries rest on: keys, agreements, loads; requests that could be sent again, or are still answered."""
    for entry in entries_before(engine, KINDS | ORDERED | {"genesis", "load"}, sealing, start):
        checker.known(entry)
    for entry in entries_back(engine, {"request"}, sealing, start, span=_NONCES_LIVE, most=_MOST_RECALLED):
        seen = look(entry)
        if isinstance(seen, Asked):
            checker.recall(seen)

    def before() -> Iterator[Asked]:
        for entry in entries_before(engine, {"request"}, sealing, start):
            seen = look(entry)
            if isinstance(seen, Asked):
                yield seen

    checker.before = before
