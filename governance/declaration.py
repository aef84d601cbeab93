"""The purpose declaration as the log keeps it: the exact signature base, the signature, and the body that it covers.

With them anybody who holds the connector's public key can verify the declaration again, years later, without the
server's word: the connector cannot deny what it declared, and the server cannot invent it (RFC 9421 §3.2).
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from governance.errors import InputWrong, NotAuthentic
from governance.signing.fields import parse_purpose
from governance.signing.http import Declaration
from governance.signing.keys import PublicKey

__all__ = ["identity", "recorded", "verify_recorded"]


def identity(declaration: Declaration) -> str:
    """Names a call in the log: the SHA-256 of its signature base, which holds the nonce and so is never twice."""
    return hashlib.sha256(declaration.base).hexdigest()


def recorded(declaration: Declaration, body: bytes) -> dict[str, Any]:
    """The declaration as JSON; bytes are base64 (RFC 4648 §4)."""
    return {
        "keyid": declaration.keyid,
        "alg": declaration.alg,
        "purpose": declaration.purpose,
        "mou": declaration.mou,
        "created": int(declaration.created.timestamp()),
        "expires": int(declaration.expires.timestamp()),
        "nonce": declaration.nonce,
        "base": b64encode(declaration.base).decode("ascii"),
        "signature": b64encode(declaration.signature).decode("ascii"),
        "body": b64encode(body).decode("ascii"),
    }


def verify_recorded(record: Mapping[str, Any], key: PublicKey) -> None:
    """Raises NotAuthentic unless `key` signed the recorded base, and the base says what the record says."""
    try:
        base, signature = b64decode(record["base"], validate=True), b64decode(record["signature"], validate=True)
        body = b64decode(record["body"], validate=True)
        lines = dict(line.split(": ", 1) for line in base.decode("ascii").split("\n"))
        said = (record["purpose"], record["mou"])
        nonce, keyid = record["nonce"], record["keyid"]
        declared = parse_purpose(lines.get('"data-purpose"'))
    except (KeyError, ValueError, TypeError, InputWrong):
        raise NotAuthentic("the recorded declaration is malformed", reason="declaration-malformed") from None
    key.verify(signature=signature, message=base)
    parameters = lines.get('"@signature-params"', "")
    digest = b64encode(hashlib.sha256(body).digest()).decode("ascii")
    if (
        declared != said
        or f';nonce="{nonce}"' not in parameters
        or f';keyid="{keyid}"' not in parameters
        or f"sha-256=:{digest}:" not in lines.get('"content-digest"', "")
    ):
        raise NotAuthentic("the record says other than what was signed", reason="declaration-differs")
