"""What the log claims, checked again from stored bytes: `audit` proves that nothing was changed; this, that it is true.

    signatures     every statement about keys and agreements verifies under a key that stood at its place
    declarations   each recorded declaration verifies from its stored base under a key that stood then
    nonces         each counts once
    consents       the table that requests are joined with holds the records of the log's entries, and no others
    files          the rows that were loaded last are those that lie in the home
    releases       each release and disclosure belongs to a request that was permitted
    activations    each names documents whose signatures verify, and a request cites only a revision that was activated

Part of `bootstrap`: it opens a home's database read-only in effect, and needs no server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import audit
from audit import Entry, KeyStore, Tampered
from audit.tile_check import verify_tiles
from governance.adapters.store.consents import expected_row, stored_rows
from governance.adapters.store.database import open_database
from governance.declaration import verify_recorded
from governance.errors import InputWrong, LogUnavailable, NotAuthentic
from governance.home import note_signer, root_key
from governance.model.consent import ConsentRecord
from governance.register import KINDS, Broken, Place, Register
from governance.settings import Settings
from governance.signing.keys import PublicKey
from governance.sources import file_sha256
from governance.wrapping import open_keys

__all__ = ["Finding", "Findings", "verify_home"]

# Statements that were refused when they came are no faults of the log: only what should count and does not is.
_NONCES_KEPT = 2_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: the entry, where one is to blame, a code, and a sentence for people."""

    seq: int | None
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What a verification found in a log of `size` entries."""

    size: int
    faults: tuple[Finding, ...]
    checkpoint: bytes | None = None  # the newest, as a signed note

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        faults = [{"entry": f.seq, "code": f.code, "sentence": f.sentence} for f in self.faults]
        return {"whole": not faults, "entries": self.size, "faults": faults}


@dataclass(slots=True)
class _Checker:
    """Looks at each entry in order; keeps what later entries are held against."""

    root: PublicKey
    consents: Iterator[dict[str, Any]]
    loads: dict[tuple[str, str], Entry] = field(default_factory=dict)
    consents_differ: bool = False
    unasked: list[tuple[int, str, object]] = field(default_factory=list)
    register: Register = field(init=False)
    pending: list[Entry | Broken] = field(default_factory=list)
    nonces: set[tuple[str, str]] = field(default_factory=set)
    calls: dict[str, str] = field(default_factory=dict)
    revisions: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.register = Register.from_entries((), root=self.root)

    def look(self, entry: Entry) -> Iterator[tuple[str, str]]:
        """Pairs of a code and a sentence for what is wrong with the entry."""
        if entry.kind in KINDS:
            self.pending.append(entry)
            if entry.kind == "activation":
                self.revisions.add(str(entry.body.get("revision")))
        elif entry.kind == "request":
            yield from self._request(entry)
        elif entry.kind == "consent":
            yield from self._consent(entry)
        elif entry.kind == "load":
            self.loads[str(entry.body.get("party")), str(entry.body.get("dataset"))] = entry
        elif entry.kind in ("release", "disclosure"):
            call = str(entry.body.get("call"))
            if self.calls.get(call) is None:  # it may have been erased: that is known in the end
                self.unasked.append((entry.seq, call, entry.body.get("request")))
            elif self.calls[call] != "permit":
                yield _no_request(entry.seq)

    def _consent(self, entry: Entry) -> Iterator[tuple[str, str]]:
        for value in entry.parts:
            if self.consents_differ:
                return
            if value is None:
                continue  # erased, and its row with it
            said = expected_row(ConsentRecord.model_validate_json(value), entry.seq)
            if next(self.consents, None) != said:
                self.consents_differ = True
                yield "consents-differ", f"the table of consents does not hold what entry {entry.seq} recorded"

    def _caught_up(self) -> Register:
        if self.pending:
            self.register = self.register.extended(self.pending)
            self.pending = []
        return self.register

    def _request(self, entry: Entry) -> Iterator[tuple[str, str]]:
        body = entry.body
        declaration = body.get("declaration")
        if not isinstance(declaration, dict):
            if body.get("outcome") != "bad-signature":
                yield "declaration-missing", "the request carries no signed purpose declaration"
            return
        keyid = str(declaration.get("keyid"))
        register = self._caught_up()
        key = register.keyring.public(keyid)
        fault = register.keyring.stands(keyid, Place(entry.seq, entry.time))
        if key is None or fault is not None:
            why = fault[1] if fault else "it was never enrolled"
            yield "declaration-key", f"the request was signed by a key that did not stand: {why}"
        else:
            try:
                verify_recorded(declaration, key)
            except NotAuthentic as error:
                yield "declaration-signature", f"the purpose declaration does not verify: {error.detail}"
        if body.get("outcome") == "replay":
            return
        nonce = (keyid, str(declaration.get("nonce")))
        if nonce in self.nonces:
            yield "nonce-twice", "the same signed request was counted twice"
        if len(self.nonces) < _NONCES_KEPT:
            self.nonces.add(nonce)
        self.calls[str(body.get("call"))] = str(body.get("outcome"))
        decision = body.get("decision")
        if body.get("outcome") == "permit" and (
            not isinstance(decision, dict) or decision.get("revision") not in self.revisions
        ):
            yield "revision-unknown", "the request was permitted under policies that no signed agreement activated"

    def _excused(self, erased: Sequence[tuple[int, int, int]]) -> set[str]:
        """The calls whose request was erased: a release names its number, and disclosures follow it at once."""
        first: dict[str, int] = {}
        named: dict[str, set[object]] = {}
        for seq, call, request in self.unasked:
            first.setdefault(call, seq)
            named.setdefault(call, {first[call] - 1}).add(request)
        return {
            call
            for call, numbers in named.items()
            if any(isinstance(n, int) and begin <= n <= end for n in numbers for begin, end, _ in erased)
        }

    def ending(self, data: Path, erased: Sequence[tuple[int, int, int]]) -> Iterator[Finding]:
        """What can be said only once everything was read: signatures that should count and do not, files, consents."""
        excused = self._excused(erased)
        for seq, call, _ in self.unasked:
            if call not in excused:
                yield Finding(seq, *_no_request(seq))
        if not self.consents_differ and next(self.consents, None) is not None:
            yield Finding(
                None, "consents-surplus", "the table of consents holds a record that no entry of the log made"
            )
        for (party, dataset), entry in self.loads.items():
            path = data / str(entry.body.get("path"))
            if not path.is_file() or file_sha256(path) != entry.body.get("sha256"):
                yield Finding(
                    entry.seq, "rows-changed", f"the rows of `{party}`'s {dataset} are not those that were loaded"
                )
        register = self._caught_up()
        lives = register.lives().values()
        of_lives = [f for life in lives for f in (*life.failures, *(g for v in life.versions for g in v.failures))]
        for failure in (*register.failures(), *of_lives):
            if failure.hindsight:
                continue  # it counted in its place; that its key was compromised is told by the entry that says so
            who = f" of `{failure.party}`" if failure.party else ""
            yield Finding(failure.seq, failure.reason, f"the {failure.kind}{who} does not count: {failure.detail}")


def _no_request(seq: int) -> tuple[str, str]:
    return "no-request", f"data left under no request that entry {seq} could belong to"


def verify_home(
    settings: Settings,
    *,
    vkey: str | None = None,
    remembered: Sequence[bytes] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Findings:
    """Verifies a home's whole log. `vkey`: the log's key as you know it, by default the one in the home's files.

    `remembered`: checkpoints that somebody kept, which the log must extend.
    """
    engine = open_database(settings.database_url)
    keys: KeyStore | None = None
    try:
        keys = open_keys(settings)
        checker = _Checker(root_key(settings), stored_rows(engine))
        report = audit.verify(
            engine,
            vkey=vkey or note_signer(settings).vkey,
            keys=keys,
            remembered=remembered,
            progress=progress,
            check_entry=checker.look,
        )
        found = [Finding(f.seq, f.code, f.message) for f in report.faults]
        found += [Finding(f.seq, f.code, f.message) for f in verify_tiles(engine, report)]
        found += checker.ending(settings.data, report.erased)
    except Tampered as error:
        return Findings(0, (Finding(error.seq, error.code, str(error)),))
    except audit.WrongCheckpoint as error:
        return Findings(0, (Finding(None, "remembered-key", str(error)),))
    except audit.NoteWrong as error:
        raise InputWrong(str(error), reason="key-unreadable", field="--vkey") from error
    except audit.LogError as error:
        raise LogUnavailable(str(error)) from error
    finally:
        if keys is not None:
            keys.close()
        engine.dispose()
    return Findings(report.size, tuple(sorted(found, key=lambda f: (f.seq is None, f.seq or 0))), report.checkpoint)
