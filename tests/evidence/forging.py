"""Somebody who has an evidence file and writes into it, lists and all; keys of others and the log's they have not."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from governance.signing.jws import parts, sign_detached, signing_input
from governance.signing.keys import PrivateKey, der

__all__ = ["changed", "listed_anew", "one_byte", "resigned", "swapped"]

LIST, CONTENTS = "SHA256SUMS", "receipts/contents.tlog-proof"


def listed_anew(folder: Path) -> None:
    """The list as it would be of what is there now."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in names
        if name not in (LIST, CONTENTS)
    ]
    (folder / LIST).write_text("".join(lines))


def one_byte(path: Path) -> None:
    """One bit of the byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def swapped(folder: Path, one: str, other: str) -> None:
    """Two files change places."""
    first, second = (folder / one).read_bytes(), (folder / other).read_bytes()
    (folder / one).write_bytes(second)
    (folder / other).write_bytes(first)


def resigned(folder: Path, number: str, key: PrivateKey, change: Callable[[dict[str, Any]], None]) -> None:
    """A statement with other words, signed by another key, as well as can be."""
    stem = folder / "statements" / number
    said = json.loads(stem.with_suffix(".json").read_bytes())
    change(said)
    data = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    jws = sign_detached(key=key, payload=data)
    stem.with_suffix(".json").write_bytes(data)
    stem.with_suffix(".signed").write_bytes(signing_input(payload=data, jws=jws))
    stem.with_suffix(".sig").write_bytes(der(alg=key.alg, signature=parts(jws)[1]))
    stem.with_suffix(".pem").write_text(key.public.pem)


def changed(receipt: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """A receipt that says another entry."""
    lines = receipt.read_text().split("\n")
    told = json.loads(base64.b64decode(lines[1][6:]))
    change(told)
    data = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    lines[1] = f"extra {base64.b64encode(data).decode()}"
    receipt.write_text("\n".join(lines))
