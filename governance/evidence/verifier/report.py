"""The two steps of `verify.sh` that Python does, and the words in which the outcome is told.

    look FOLDER SCRATCH        which files are there; writes the statements' numbers for the lines with openssl
    weigh FOLDER SCRATCH ...   everything else, once sha256sum and openssl have spoken; prints the report

Exit codes: 0 everything holds, 1 something does not, 2 a wrong option, 3 a tool that is missing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import sys
from typing import Any

from governance.evidence.verifier.asked import FINGERPRINT, Asked
from governance.evidence.verifier.folder import CONTENTS, LIST, Faults, content, listed_and_found, shown_text
from governance.evidence.verifier.keyring import Keyring
from governance.evidence.verifier.keys import Openssl, fingerprint_of
from governance.evidence.verifier.life import Life
from governance.evidence.verifier.notes import Log, Receipt
from governance.evidence.verifier.statements import Stated, judged, numbers, read_statement
from governance.evidence.verifier.strict import strict_json
from governance.evidence.verifier.versions import Version, versions_of

__all__ = ["look", "run", "weigh"]


def _said(*words: object) -> None:
    print(*(shown_text(w) for w in words))


def _when(time: dt.datetime) -> str:
    return time.astimezone(dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def look(folder: str, scratch: str) -> int:
    """Writes `found` and `keys` into the scratch folder: statements with a key that openssl can be asked about."""
    if not Openssl(scratch).able():
        print("verify.sh: this openssl cannot verify Ed25519 signatures (`pkeyutl -rawin`, version 3)", file=sys.stderr)
        return 3
    faults = Faults()
    names = listed_and_found(folder, faults)
    if faults:  # nothing is opened where it isn't sure what would be
        return _ended(faults, "")
    with open(os.path.join(scratch, "list"), "w", encoding="ascii") as stream:
        stream.writelines(f"{digest}  {name}\n" for name, digest in sorted(names.items()))
    with open(os.path.join(scratch, "keys"), "w", encoding="ascii") as stream:
        for number in numbers(names):
            try:
                stream.write(f"{number} {fingerprint_of(content(folder, f'statements/{number}.pem'))[0]}\n")
            except ValueError:
                continue
    return 0


def _ended(faults: Faults, outcome: str) -> int:
    """The faults, the last line, and the exit code."""
    for what, why in faults:
        _said(f"NOT VERIFIED: {what}: {why}")
    if faults:
        _said(f"not verified: {len(faults)} thing{'s do' if len(faults) > 1 else ' does'} not hold")
        return 1
    _said(outcome)
    return 0


def _lines(scratch: str, name: str) -> set[str]:
    try:
        with open(os.path.join(scratch, name), encoding="utf-8", errors="replace") as stream:
            return set(stream.read().split("\n"))
    except OSError:
        return set()


def _life(folder: str, faults: Faults) -> dict[str, Any]:
    try:
        life: dict[str, Any] = strict_json(content(folder, "life.json"))
        if FINGERPRINT.fullmatch(life["root"]) is None or type(life["top"]) is not int or type(life["mou"]) is not str:
            raise ValueError("not the life of an MOU")
    except (ValueError, KeyError, TypeError):
        faults.add("life.json", "cannot be read")
        life = {"mou": "", "root": ""}
    return life


def _log(folder: str, scratch: str, asked: Asked, faults: Faults) -> Log | None:
    """The log's key and its witnesses', held against those that are expected."""
    vkey = content(folder, "log/vkey").decode("ascii", "replace").strip()
    listed = content(folder, "log/witnesses").decode("utf-8", "replace").split("\n")[:-1]
    try:
        log = Log(vkey, asked.witnesses or listed, Openssl(scratch))
    except ValueError:
        faults.add("log/vkey", "neither it nor log/witnesses can be read as verifier keys")
        return None
    if asked.vkeys and not any(log.succeeds(known, content(folder, "log/vkeys")) for known in asked.vkeys):
        faults.add("log/vkey", "is not the log's key that you expect, nor did that one hand over to it")
    return log


def _contents(folder: str, life: dict[str, Any], log: Log | None, faults: Faults) -> Receipt | None:
    """The log's own entry about this file: it names the digest of the list, so that nothing can be left out."""
    if log is None:
        return None
    try:
        receipt = Receipt(content(folder, CONTENTS))
        log.check(receipt)
        listed = hashlib.sha256(content(folder, LIST)).hexdigest()
        if (receipt.kind, receipt.body.get("mou")) != ("evidence", life["mou"]):
            raise ValueError("is not of the entry about this file")
        if receipt.body.get("list_sha256") != listed:
            words = f"entry {receipt.seq} of the log says that this file holds other things than {LIST} lists"
            faults.add(CONTENTS, words)
    except ValueError as error:
        faults.add(CONTENTS, str(error))
        return None
    return receipt


def _key(fingerprint: str) -> str:
    return f"key {fingerprint[:15]}\N{HORIZONTAL ELLIPSIS}"


def _told(s: Stated, keyring: Keyring) -> str:
    """A statement as a sentence; whole fingerprints stand in the table of keys."""
    said = s.text
    by = f"with {_key(s.fingerprint)} ({keyring.whose(s.fingerprint)})"
    if s.kind == "enrolment":
        of = f"{said('person')}, {said('organisation')} (`{said('party')}`, {said('use')})"
        return f"{_key(s.fingerprint)} says that it is of {of}"
    if s.kind == "enrolment-approval":
        return f"{_key(said('fingerprint'))} of `{said('party')}` is approved, {by}"
    if s.kind == "attestation":
        of = f"{said('person')}, {said('organisation')} (`{said('party')}`)"
        return f"`{said('by')}` attests that {_key(said('fingerprint'))} is of {of}, {by}"
    if s.kind == "revocation":
        since = s.instant("compromised_since")
        hands = f"; in wrong hands since {_when(since)}" if since is not None else ""
        return f"{_key(said('fingerprint'))} is revoked: {said('reason')}{hands}, {by}"
    if s.kind == "proposal":
        return f"version {s.said.get('version')} is proposed, {by}"
    if s.said["type"] == "signing":
        verb = {"signature": "SIGNS", "decline": "DECLINES", "withdrawal": "WITHDRAWS FROM"}[s.kind]
        why = (
            f": \N{LEFT DOUBLE QUOTATION MARK}{said('reason')}\N{RIGHT DOUBLE QUOTATION MARK}" if said("reason") else ""
        )
        who = f"{said('organisation')} (`{said('party')}`), by {said('person')}, {said('capacity')},"
        return f"{who} {verb} version {s.said.get('version')}{why}, with {_key(s.fingerprint)}"
    if s.kind == "duty":
        return f"the duty of `{said('party')}` under clause {said('clause')} is recorded as {said('status')}, {by}"
    return f"`{said('party')}` acknowledges its purpose under clause {said('clause')}, {by}"


def _version(version: Version, life: Life) -> None:
    names, place = version.names(), version.folder
    state = "signed by all who must" if version.established else "NOT signed by all who must"
    print()
    _said(f"Version {version.number} of `{version.document['id']}`, {version.document['title']}: {state}")
    days = f"{version.document.get('effective')} to {version.document.get('expires')}"
    _said(f"  meant to hold from {days}, days of {version.document.get('timezone')}")
    _said(f"  what they signed reads as {place}mou.txt (SHA-256 {version.proposal.text('text_sha256')})")
    for party in [*version.parties(), *(p for p in version.signatures if p not in names)]:
        word = version.signatures.get(party) or version.declines.get(party)
        if word is None:
            _said(f"  {names.get(party, party)} (`{party}`): has not signed")
        else:
            verb = "signed" if word.kind == "signature" else "declined"
            _said(f"  {names.get(party, party)} (`{party}`): {verb}, statement {word.number}, {word.fingerprint}")
    for count, absent in version.missing:
        if count:
            _said(f"  {count} must still sign, of: {', '.join(absent)}")
    for _, s, at, ends in life.ended():
        if s.said.get("version") == version.number:
            what = "with this the MOU ends for all" if ends == "all" else "the MOU goes on without it"
            _said(f"  `{s.text('party')}` left (statement {s.number}), with effect from {_when(at)}; {what}")


def _administrator(root: str, statements: list[Stated], asked: Asked, faults: Faults) -> None:
    """The first administrator's key, which the file names by itself: nobody else's may stand in its place."""
    for s in statements:
        if s.kind == "enrolment" and s.fingerprint == root:
            faults.add("life.json", f"names a key as the first administrator's that statement {s.number} enrols")
    if asked.administrator not in ("", root):
        faults.add("life.json", f"names {root} as the first administrator's key, which is not the one that you expect")


def _keys(statements: list[Stated], keyring: Keyring, asked: Asked, faults: Faults) -> None:
    print()
    _said("The keys that signed, and whose they claim to be:")
    for key in sorted({keyring.root, *(s.fingerprint for s in statements)} - {""}):
        expected = "" if not asked.named else "expected" if key in asked.keys else "NOT EXPECTED"
        attested = ", ".join(f"`{party}`" for party in keyring.attested_by(key))
        _said(f"  {key}  {keyring.whose(key)}{', attested by ' + attested if attested else ''}  {expected}".rstrip())
        if asked.named and key not in asked.keys:
            faults.add(f"key {key}", f"is not one that you expect ({keyring.whose(key)})")


def _vouched(log: Log, statements: list[Stated], receipt: Receipt | None, asked: Asked, faults: Faults) -> None:
    print()
    _said(f"The log `{log.name}` vouches for the order and the times of all of this, by its key")
    _said(f"  {log.vkey}{'  expected' if asked.vkeys else ''}")
    if receipt is not None:
        until = f"all that was signed about it up to entry {receipt.body.get('until')}"
        _said(f"  entry {receipt.seq}, {_when(receipt.time)}: this file is {until}")
    signed = [s.cosigned for s in statements]
    everywhere = set(signed[0]).intersection(*signed[1:]) if signed else set()
    _said(f"  witnesses that cosigned every statement's checkpoint: {len(everywhere)}")
    for vkey in sorted({vkey for one in signed for vkey in one}):
        times = [one[vkey] for one in signed if vkey in one]
        last = dt.datetime.fromtimestamp(min(max(times), 253402300799), dt.timezone.utc)
        of = f"{len(times)} of {len(signed)} statements"
        _said(f"    {vkey}  {of}, last at {_when(last)}{'  expected' if asked.witnesses else ''}")
    for vkey in asked.witnesses:
        if vkey not in everywhere:
            lacking = sum(vkey not in one for one in signed)
            faults.add(f"witness {vkey}", f"did not cosign the checkpoints of {lacking} of {len(signed)} statements")
    if everywhere and not asked.witnesses:
        _said("    (whose these witnesses' keys are you must ask)")


def _statements(folder: str, scratch: str, names: dict[str, str], log: Log | None, faults: Faults) -> list[Stated]:
    """Those that hold, once openssl has spoken."""
    verified = _lines(scratch, "verified")
    found: list[Stated] = []
    for number in numbers(names):
        if number not in verified:
            faults.add(f"statement {number}", f"openssl: statements/{number}.sig is not that key's signature of it")
        stated = read_statement(folder, number, log, names, faults) if log is not None else None
        if stated is not None and number in verified:
            found.append(stated)
    return found


def weigh(folder: str, scratch: str, words: list[str]) -> int:
    """Everything that openssl and sha256sum leave to be said."""
    try:
        asked = Asked(words)
    except ValueError as error:
        print(f"verify.sh: {error}", file=sys.stderr)
        return 2
    faults = Faults()
    names = listed_and_found(folder, faults)
    same = _lines(scratch, "same")
    for name in sorted(names):
        if f"{name}: OK" not in same:
            faults.add(name, f"is not as {LIST} says: it was changed")
    life = _life(folder, faults)
    log = _log(folder, scratch, asked, faults)
    receipt = _contents(folder, life, log, faults)
    statements = _statements(folder, scratch, names, log, faults)
    judged(statements)
    _ordered(statements, life, receipt, faults)
    _administrator(life["root"], statements, asked, faults)
    keyring = Keyring(life["root"], statements)
    found = versions_of(folder, life, statements, faults)
    told = Life(found, statements, keyring)
    _said(f"Evidence about the MOU `{life['mou']}`: {len(names)} files, {len(statements)} signed statements")
    for version in found:
        _version(version, told)
    _story(statements, told, keyring, life)
    _keys(statements, keyring, asked, faults)
    if log is not None:
        _vouched(log, statements, receipt, asked, faults)
    if not any(version.established for version in found):
        faults.add("the MOU", "no version of it is signed by all who must sign it")
    _table(life, found, statements, faults)
    print()
    for key in sorted(asked.keys - {s.fingerprint for s in statements}):
        _said(f"{key}  signed nothing in this file, and you expect it")
    return _ended(faults, asked.outcome(life["root"], log.vkey if log is not None else ""))


def _table(life: dict[str, Any], found: list[Version], statements: list[Stated], faults: Faults) -> None:
    """`life.json`, held against what it is a table of."""
    rows = [{"number": s.number, "entry": s.seq, "kind": s.kind, "fingerprint": s.fingerprint} for s in statements]
    if life.get("statements") != rows:
        faults.add("life.json", "its table is not that of the statements that are here and hold")
    counting = [version.number for version in found if version.established] or [version.number for version in found]
    if counting and life.get("top") != counting[-1]:
        words = f"says that version {life.get('top')} lies at the top of the folder; the one that counts is"
        faults.add("life.json", f"{words} {counting[-1]}")


def _story(statements: list[Stated], told: Life, keyring: Keyring, life: dict[str, Any]) -> None:
    print()
    _said("Its life, in the order of the log:")
    for s in statements:
        _said(f"  {s.number}  entry {s.seq}, {_when(s.time)}: {_told(s, keyring)}")
        if s.number in told.fates:
            _said(f"       does not count: {told.fates[s.number]}")
    for stray in life.get("left_out") or []:
        _said(
            f"  entry {stray.get('entry')} of the log claims to be a {stray.get('kind')} and was not signed: left out"
        )


def _ordered(statements: list[Stated], life: dict[str, Any], receipt: Receipt | None, faults: Faults) -> None:
    """Each entry of the log once, in its order, and those that the log's own entry about this file names."""
    entries = [s.seq for s in statements]
    for s, before in zip(statements[1:], entries):
        if s.seq <= before:
            faults.add(f"statement {s.number}", f"is entry {s.seq} of the log, and stands behind entry {before}")
    for s in statements:
        if s.said["type"] in ("proposal", "signing", "acknowledgement", "duty") and s.text("mou") != life["mou"]:
            faults.add(f"statement {s.number}", f"is about another MOU, `{s.text('mou')}`")
    named = receipt.body.get("entries") if receipt is not None else None
    until = receipt.body.get("until") if receipt is not None else None
    if receipt is not None and not (type(until) is int and max(entries, default=0) <= until < receipt.seq):
        faults.add(CONTENTS, f"entry {receipt.seq} of the log does not say up to which entry before it the file goes")
    if receipt is not None and named != entries:
        words = f"entry {receipt.seq} of the log says that other entries belong to this MOU's life than are here"
        faults.add("statements", words)


def run(words: list[str]) -> int:
    """`look` or `weigh`."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        return look(words[1], words[2]) if words[0] == "look" else weigh(words[1], words[2], words[3:])
    except Exception as error:  # whatever somebody wrote into a file: what can't be read does not hold
        print(f"\nNOT VERIFIED: the file: cannot be read ({type(error).__name__})")
        return 1
