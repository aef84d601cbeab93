"""Detached JWS: a signature over a statement's bytes, in compact form with the payload left out (RFC 7515 App. F).

The protected header holds exactly `alg` (`ES256` or `EdDSA`, told by the key and never by the token), `kid` (the
key's fingerprint) and `typ`. The signing input is `base64url(header) . base64url(payload)` as everywhere in RFC 7515,
so any JOSE library verifies it once the payload is put back. A token of another form for the same signature (other
base64 bits, other members) is refused: one signature has one text.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from functools import lru_cache

from governance.errors import NotAuthentic
from governance.signing.keys import PrivateKey, PublicKey

__all__ = ["TYP", "kid_of", "parts", "sign_detached", "signing_input", "verify_detached"]

TYP = "accordant-statement+jws"

_ALG = {"ecdsa-p256-sha256": "ES256", "ed25519": "EdDSA"}
_MOST = 1_024


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str, part: str) -> bytes:
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        data = b""
    if not data or _encode(data) != text:
        raise NotAuthentic(f"the {part} of the signature is not base64url", reason="signature-malformed")
    return data


def sign_detached(*, key: PrivateKey, payload: bytes) -> str:
    """`header..signature` over `payload`."""
    members = {"alg": _ALG[key.public.alg], "kid": key.public.fingerprint, "typ": TYP}
    header = _encode(json.dumps(members, sort_keys=True, separators=(",", ":")).encode())
    # The raw signature is that of RFC 7518 §3.4 and RFC 8037 §3.1.
    return f"{header}..{_encode(key.sign(signing_input(payload=payload, jws=header)))}"


def parts(jws: str) -> tuple[dict[str, str], bytes]:
    """The header and the raw signature, neither of them verified. Raises NotAuthentic for any other form."""
    pieces = jws.split(".") if len(jws) <= _MOST and jws.isascii() else []
    if len(pieces) != 3 or pieces[1]:
        raise NotAuthentic("not a detached JWS in compact form (`header..signature`)", reason="signature-malformed")
    alg, kid = _header(pieces[0])
    return {"alg": alg, "kid": kid, "typ": TYP}, _decode(pieces[2], "value")


@lru_cache(maxsize=1024)
def _header(piece: str) -> tuple[str, str]:
    """Algorithm and key: a key's signatures have one header."""
    try:
        header = json.loads(_decode(piece, "header"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        header = None
    if not isinstance(header, dict) or set(header) != {"alg", "kid", "typ"} or header["typ"] != TYP:
        raise NotAuthentic(f"the header is not exactly `alg`, `kid` and `typ` of `{TYP}`", reason="signature-malformed")
    return str(header["alg"]), str(header["kid"])


def kid_of(jws: str) -> str:
    """The fingerprint that the signature claims, so that its key can be looked up; not verified."""
    return parts(jws)[0]["kid"]


def signing_input(*, payload: bytes, jws: str) -> bytes:
    """The exact bytes that the signature covers (RFC 7515 §5.1)."""
    return f"{jws.split('.')[0]}.{_encode(payload)}".encode("ascii")


def verify_detached(*, key: PublicKey, payload: bytes, jws: str) -> None:
    """Raises NotAuthentic unless `key` made `jws` over exactly `payload`."""
    header, signature = parts(jws)
    if header["alg"] != _ALG[key.alg] or header["kid"] != key.fingerprint:
        raise NotAuthentic("the signature is not of this key", reason="signature-of-another-key")
    # The header holds nothing else, so neither `none`, an HMAC nor an extension can be asked for by it.
    key.verify(signature=signature, message=signing_input(payload=payload, jws=jws))
