"""What lies in an evidence file, name by name: statements as they were signed, documents as they were proposed.

mou.yaml mou.txt mou.json policy/   the version that counts, or else the newest; others under versions/N/
statements/NNN.json .signed .sig .pem
receipts/NNN.tlog-proof             of the statement's entry; NNN.opening.tlog-proof: of its opening
log/vkey log/vkeys log/witnesses    the log's key, how it came to it, and whose cosignatures are asked for
life.json VERIFY.md verify.sh
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from governance.compiler.bundle import canonical_document, compile_bundle
from governance.errors import DocumentWrong
from governance.evidence.gathering import Gathered, Kept
from governance.evidence.guide import guide
from governance.evidence.script import verify_script
from governance.register import Life, Proposal, Register
from governance.register.reading import compiled
from governance.signing.jws import parts, signing_input
from governance.signing.keys import der

__all__ = ["evidence_files"]


def _statement(number: str, kept: Kept) -> dict[str, bytes]:
    _, signature = parts(kept.jws)
    stem = f"statements/{number}"
    return {
        f"{stem}.json": kept.data,
        f"{stem}.signed": signing_input(payload=kept.data, jws=kept.jws),
        f"{stem}.sig": der(alg=kept.key.alg, signature=signature),
        f"{stem}.pem": kept.key.pem.encode(),
    }


def _version(place: str, proposal: Proposal) -> dict[str, bytes]:
    files = {f"{place}mou.yaml": proposal.document, f"{place}mou.txt": proposal.text}
    with suppress(DocumentWrong):  # one that can't be read has no policy, and what is said of it does not count
        mou = compiled(proposal.document).mou
        files[f"{place}mou.json"] = canonical_document(mou)
        files |= {f"{place}policy/{name}": data for name, data in compile_bundle((mou,)).files.items()}
    return files


def _top(life: Life) -> int:
    """The version that lies at the top: the highest that was signed by all who must, or else the highest."""
    return (life.established or life.versions)[-1].proposal.version


def evidence_files(
    gathered: Gathered,
    *,
    mou_id: str,
    life: Life,
    register: Register,
    receipt: Callable[[int], bytes],
    log: Mapping[str, bytes],
) -> dict[str, bytes]:
    """All files but the list and the receipt of the entry about it. `receipt` gives that of an entry's number."""
    openings = {opening.hash: opening.place.seq for opening in register.mous[mou_id].openings.values()}
    top = _top(life)
    files = {"verify.sh": verify_script(), **{f"log/{name}": data for name, data in log.items()}}
    for version in life.versions:
        number = version.proposal.version
        files |= _version("" if number == top else f"versions/{number}/", version.proposal)
    for at, kept in enumerate(gathered.kept, start=1):
        name = f"{at:03d}"
        files |= _statement(name, kept)
        files[f"receipts/{name}.tlog-proof"] = receipt(kept.entry.seq)
        if kept.opening in openings:
            files[f"receipts/{name}.opening.tlog-proof"] = receipt(openings[kept.opening])
    root = register.keyring.root.fingerprint
    files["life.json"] = _life(mou_id, top, root, gathered)
    signed = [k.key.fingerprint for k in gathered.kept]
    files["VERIFY.md"] = guide(mou_id, signed, root=root, vkey=log["vkey"].decode().strip())
    return files


def _life(mou_id: str, top: int, root: str, gathered: Gathered) -> bytes:
    statements: Sequence[dict[str, object]] = [
        {"number": f"{at:03d}", "entry": k.entry.seq, "kind": k.entry.kind, "fingerprint": k.key.fingerprint}
        for at, k in enumerate(gathered.kept, start=1)
    ]
    told = {
        "mou": mou_id,
        "top": top,
        "root": root,
        "statements": statements,
        "left_out": [dict(one) for one in gathered.left_out],
    }
    return json.dumps(told, indent=1, sort_keys=True).encode() + b"\n"
