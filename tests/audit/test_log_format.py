"""`docs/log-format.md`: its worked example, recomputed from the text alone, and by the package."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from audit import Draft
from audit.canonical import canonical
from audit.cosignature import Cosigner
from audit.entry import filing
from audit.leaf import Leaf, body_hash
from audit.merkle import EMPTY
from audit.note import Checkpoint, NoteSigner
from audit.tiles import bundle
from governance.signing.statement import Order

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "log-format.md").read_text(encoding="utf-8")
TOLD = {
    name: text.strip("\n") for name, text in re.findall(r"<!-- (\w[\w-]*) -->\n```[a-z]*\n(.*?)```", PAGE, re.DOTALL)
}

ORIGIN = "example.org/log"
SEED = bytes(range(32))
DATA_KEY = b"\x11" * 32
SUBJECT_KEY = b"\x22" * 32
SALTS = (b"\x01" * 32, b"\x02" * 32)
NONCE = b"\x07" * 12
ORDER_SALT = b"\x03" * 32


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def made() -> dict[str, str]:
    """Every value of the example, by hashlib, hmac, json and an AEAD: nothing of ours."""
    handle = hmac.digest(SUBJECT_KEY, b"northside\x00client-4711", hashlib.sha256)[:24]
    handle_text = base64.urlsafe_b64encode(handle).decode()
    bodies = [
        {"filing": {"index": {}, "readers": []}, "origin": ORIGIN},
        {
            "contributor": "northside",
            "filing": {"index": {"party": ["northside"]}, "readers": ["northside"]},
            "subjects": {"northside": [handle_text]},
        },
    ]
    texts = [json.dumps(body, sort_keys=True, separators=(",", ":")) for body in bodies]
    leaves, prev = [], bytes(32)
    for seq, (kind, text, time) in enumerate(
        [("genesis", texts[0], "2026-11-02T12:00:00.000000Z"), ("disclosure", texts[1], "2026-11-02T12:00:01.000000Z")]
    ):
        digest = sha256(SALTS[seq] + text.encode()).hex()
        leaf = f'{{"body":"{digest}","kind":"{kind}","prev":"{prev.hex()}","seq":{seq},"time":"{time}","v":1}}'
        leaves.append(leaf)
        prev = sha256(b"\x00" + leaf.encode())
    hashes = [sha256(b"\x00" + leaf.encode()) for leaf in leaves]
    root = sha256(b"\x01" + hashes[0] + hashes[1])
    place = (1).to_bytes(8, "big") + hashes[1]
    sealed = NONCE + AESGCM(DATA_KEY).encrypt(NONCE, SALTS[1] + texts[1].encode(), place)
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = sha256(ORIGIN.encode() + b"\n\x01" + public)[:4]
    text = f"{ORIGIN}\n2\n{base64.b64encode(root).decode()}\n"
    line = f"— {ORIGIN} {base64.b64encode(key_id + key.sign(text.encode())).decode()}\n"
    witness_id = sha256(b"witness.example\n\x04" + public)[:4]
    seconds = 1793620800
    signed = key.sign(f"cosignature/v1\ntime {seconds}\n{text}".encode())
    cosigned = base64.b64encode(witness_id + seconds.to_bytes(8, "big") + signed).decode()
    entries = b"".join(len(leaf.encode()).to_bytes(2, "big") + leaf.encode() for leaf in leaves)
    return {
        "handle": handle_text,
        "body-0": texts[0],
        "body-1": texts[1],
        "leaf-0": leaves[0],
        "leaf-1": leaves[1],
        "leaf-hashes": "\n".join(h.hex() for h in hashes),
        "root": root.hex(),
        "place": place.hex(),
        "sealed": "\n".join(re.findall(".{1,96}", sealed.hex())),
        "vkey": f"{ORIGIN}+{key_id.hex()}+{base64.b64encode(bytes([1]) + public).decode()}",
        "checkpoint": f"{text}\n{line}".strip("\n"),
        "cosignature": f"— witness.example {cosigned}",
        "entries-tile": entries[:64].hex() + "…",
        "order-subject": sha256(
            b"accordant-order-subject/v2\n" + b"\x00\x00\x00\x20" + ORDER_SALT + b"\x00\x00\x00\x0b" + b"client-4711"
        ).hex(),
    }


def test_the_worked_example_is_what_the_text_says() -> None:
    """Each value on the page, byte for byte."""
    assert made() == TOLD


def test_the_package_makes_the_same_bytes() -> None:
    """From the same secrets."""
    pem = Ed25519PrivateKey.from_private_bytes(SEED).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    signer = NoteSigner.from_pem(ORIGIN, pem)
    assert TOLD["vkey"] == signer.vkey
    leaves, prev = [], bytes(32)
    for seq, kind in enumerate(("genesis", "disclosure")):
        text, value = canonical(json.loads(TOLD[f"body-{seq}"]))
        assert TOLD[f"body-{seq}"] == text.decode()
        time = dt.datetime(2026, 11, 2, 12, 0, seq, tzinfo=dt.UTC)
        leaf = Leaf(seq, kind, time, prev, body_hash(SALTS[seq], text)).to_bytes()
        assert TOLD[f"leaf-{seq}"] == leaf.decode()
        prev = Leaf.hash(leaf)
        leaves.append(leaf)
        assert Draft(kind, {}, *filing(value))
    tree = EMPTY.extended([Leaf.hash(leaf) for leaf in leaves])
    note = signer.sign(Checkpoint(ORIGIN, 2, tree.root).to_text())
    assert TOLD["checkpoint"] == note.decode().strip("\n")
    assert bundle(leaves)[:64].hex() + "…" == TOLD["entries-tile"]
    witness = Cosigner("witness.example", Ed25519PrivateKey.from_private_bytes(SEED))
    assert TOLD["cosignature"] == witness.line(note, seconds=1793620800).decode().strip("\n")
    assert TOLD["order-subject"] == Order.digest(salt=ORDER_SALT, subject="client-4711")
