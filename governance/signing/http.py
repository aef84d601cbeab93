"""Signed requests: a narrow profile of HTTP Message Signatures (RFC 9421).

    data request   "@method" "@target-uri" "content-type" "content-digest" "data-purpose"   tag accordant-declaration
    with a body    "@method" "@target-uri" "content-type" "content-digest"                  tag accordant-request
    without one    "@method" "@target-uri"                                                  tag accordant-request

One signature, its label `accordant`, exactly these components without parameters (in any order), and exactly the
parameters `created`, `expires` (at most 300 s later), `nonce` (at least 128 bits), `keyid`, `alg` and `tag`. RFC 9421
§3.2 leaves all of this to the application, and a verifier that asks for less than it relies on is fooled (§7.2.1).

Pure: the instant is given, keys are looked up by the caller's function, and the caller refuses replays (§7.2.2).
An unknown key and a signature that does not verify are the same to the caller: one text, and the same work.
"""

from __future__ import annotations

import datetime as dt
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from governance.errors import InputWrong, NotAuthentic
from governance.signing.fields import (
    Fields,
    check_digest,
    content_digest,
    dictionary,
    parse_purpose,
    purpose_item,
    said_sha256,
    signature_input,
)
from governance.signing.keys import ALGORITHMS, Alg, PrivateKey, PublicKey

__all__ = [
    "DECLARATION_TAG",
    "LABEL",
    "MAX_LIFETIME",
    "REQUEST_TAG",
    "SKEW",
    "Declaration",
    "SignatureRefused",
    "SignedRequest",
    "sign_request",
    "signature_base",
    "verify_declaration",
    "verify_head",
    "verify_request",
]

LABEL = "accordant"
DECLARATION_TAG = "accordant-declaration"
REQUEST_TAG = "accordant-request"
MAX_LIFETIME = dt.timedelta(seconds=300)
SKEW = dt.timedelta(seconds=60)

_BARE = ("@method", "@target-uri")
_BODY = (*_BARE, "content-type", "content-digest")
_DECLARATION = (*_BODY, "data-purpose")
_PARAMETERS = {"created": int, "expires": int, "nonce": str, "keyid": str, "alg": str, "tag": str}

_NONCE_MOST = 128  # characters
_HEX = re.compile(r"[0-9A-Fa-f-]+", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9_+/-]+", re.ASCII)

# What an unknown key is verified against, so that it costs the same. The private halves were thrown away, and whatever
# the outcome, the answer is no.
_NOBODY: Mapping[str, PublicKey] = {
    alg: PublicKey.from_pem(f"-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n")
    for alg, spki in (
        ("ed25519", "MCowBQYDK2VwAyEAwAoGLqy8BjZAlLiIqpeDUX/STlPQgY6CN9yrEFjrR2w="),
        (
            "ecdsa-p256-sha256",
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECgrlI+q0rVBMvPZnofdEflv8qL+P"
            "txqF/OPIjNDll6dJJIf4RUck84PYrtazzDW85UNUBvhpNJO5IYEXEr6Itg==",
        ),
    )
}
_NOT_AUTHENTIC = "the key is not known here, or the signature is not its signature of this request"


class SignatureRefused(NotAuthentic):
    """The one answer to an unknown key and to a bad signature. `keyid` is for the log: the key, where it is known."""

    def __init__(self, *, keyid: str | None) -> None:
        super().__init__(_NOT_AUTHENTIC)
        self.keyid = keyid


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A verified request: its signer cannot deny `base`, and nobody else could have made `signature` over it."""

    method: str
    target_uri: str
    keyid: str
    alg: Alg
    created: dt.datetime
    expires: dt.datetime
    nonce: str
    label: str
    tag: str
    base: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Declaration(SignedRequest):
    """A verified data request with the purpose and the MOU that its signer declared."""

    purpose: str
    mou: str


def signature_base(*, components: Iterable[tuple[str, str]], parameters: Mapping[str, str | int]) -> tuple[str, bytes]:
    """The value of `@signature-params` and the signature base (RFC 9421 §2.3, §2.5)."""
    pairs = list(components)
    names = " ".join(f'"{name}"' for name, _ in pairs)
    params = f"({names})" + "".join(f";{key}={_bare(value)}" for key, value in parameters.items())
    lines = [f'"{name}": {value}' for name, value in pairs]
    return params, "\n".join([*lines, f'"@signature-params": {params}']).encode("ascii")


def _bare(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _strong(nonce: str) -> bool:
    """At least 128 bits, counted at the poorest alphabet that it fits: 4 bits a hexadecimal digit, 6 a base64 one."""
    text = nonce.rstrip("=")
    if len(nonce) > _NONCE_MOST or len(nonce) - len(text) > 2:
        return False
    if _HEX.fullmatch(text):
        return 4 * len(text.replace("-", "")) >= 128
    return bool(_BASE64.fullmatch(text)) and 6 * len(text) >= 128


def sign_request(
    *,
    key: PrivateKey,
    method: str,
    target_uri: str,
    now: dt.datetime,
    nonce: str,
    body: bytes = b"",
    content_type: str = "application/json",
    purpose: str | None = None,
    mou: str | None = None,
    lifetime: dt.timedelta = dt.timedelta(seconds=120),
) -> dict[str, str]:
    """The headers that sign a request; with `purpose` and `mou` a data request. Both or neither."""
    if (purpose is None) != (mou is None):
        raise InputWrong("a purpose and an MOU are declared together", reason="purpose-missing", field="Data-Purpose")
    if not _strong(nonce) or not dt.timedelta(0) < lifetime <= MAX_LIFETIME:
        raise InputWrong("a nonce under 128 bits, or a lifetime that is not within 300 s", reason="not-in-profile")
    headers: dict[str, str] = {}
    if body or purpose is not None:
        headers |= {"Content-Type": content_type, "Content-Digest": content_digest(body)}
    if purpose is not None and mou is not None:
        headers["Data-Purpose"] = purpose_item(purpose=purpose, mou=mou)
    created = int(now.timestamp())
    values = {"@method": method, "@target-uri": target_uri} | {k.lower(): v for k, v in headers.items()}
    parameters: dict[str, str | int] = {
        "created": created,
        "expires": created + int(lifetime.total_seconds()),
        "nonce": nonce,
        "keyid": key.public.fingerprint,
        "alg": key.public.alg,
        "tag": REQUEST_TAG if purpose is None else DECLARATION_TAG,
    }
    params, base = signature_base(components=values.items(), parameters=parameters)
    signature = b64encode(key.sign(base)).decode("ascii")
    return headers | {"Signature-Input": f"{LABEL}={params}", "Signature": f"{LABEL}=:{signature}:"}


def verify_declaration(
    *,
    method: str,
    target_uri: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    resolve_key: Callable[[str], PublicKey | None],
    now: dt.datetime,
    skew: dt.timedelta = SKEW,
) -> Declaration:
    """A data request's declaration, verified. Replays are the caller's to refuse.

    Raises NotAuthentic with a reason, SignatureRefused for an unknown key or a bad signature, or InputWrong for a
    `Data-Purpose` that is missing or malformed.
    """
    fields = Fields(headers)
    claimed = _claimed(fields, tag=DECLARATION_TAG, now=now, skew=skew)
    purpose, mou = parse_purpose(fields.get("data-purpose"))
    common = _verified(claimed, fields, (_DECLARATION,), method, target_uri, body, resolve_key)
    return Declaration(**common, purpose=purpose, mou=mou)


def verify_request(
    *,
    method: str,
    target_uri: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    resolve_key: Callable[[str], PublicKey | None],
    now: dt.datetime,
    skew: dt.timedelta = SKEW,
) -> SignedRequest:
    """Any other signed request, verified; as `verify_declaration`, without a purpose."""
    fields = Fields(headers)
    claimed = _claimed(fields, tag=REQUEST_TAG, now=now, skew=skew)
    sets = (_BODY,) if body else (_BARE, _BODY)
    return SignedRequest(**_verified(claimed, fields, sets, method, target_uri, body, resolve_key))


def verify_head(
    *,
    method: str,
    target_uri: str,
    headers: Iterable[tuple[str, str]],
    resolve_key: Callable[[str], PublicKey | None],
    now: dt.datetime,
    skew: dt.timedelta = SKEW,
) -> tuple[SignedRequest, bytes]:
    """A signed request whose body has not been read: verified as it will be, and the SHA-256 that its body must have.

    The signature covers the digest, so all but the body is known to be its signer's. Whoever reads the body holds it
    against the digest.
    """
    fields = Fields(headers)
    claimed = _claimed(fields, tag=REQUEST_TAG, now=now, skew=skew)
    signed = SignedRequest(**_verified(claimed, fields, (_BODY,), method, target_uri, None, resolve_key))
    return signed, said_sha256(fields.get("content-digest") or "")


@dataclass(frozen=True, slots=True)
class _Claimed:
    components: tuple[str, ...]
    parameters: dict[str, Any]
    signature: bytes


def _malformed(detail: str) -> NotAuthentic:
    return NotAuthentic(detail, reason="signature-malformed")


def _claimed(fields: Fields, *, tag: str, now: dt.datetime, skew: dt.timedelta) -> _Claimed:
    """What the signature says of itself: one label, known parameters, an instant that is now."""
    given, value = fields.get("signature-input"), fields.get("signature")
    if given is None or value is None:
        raise NotAuthentic("the request is not signed (RFC 9421)", reason="signature-missing")
    inputs, signatures = signature_input(given), dictionary("signature", value)
    if set(inputs) != {LABEL} or set(signatures) != {LABEL}:
        raise _malformed(f"the request carries exactly one signature, labelled `{LABEL}`")
    (items, parameters), (signature, extra) = inputs[LABEL], signatures[LABEL]
    if not isinstance(items, list) or not isinstance(signature, bytes) or extra:
        raise _malformed("`Signature-Input` is a list of components, `Signature` a byte sequence")
    if any(type(name) is not str or options for name, options in items):
        raise _malformed("a component is a string without parameters")
    _check_parameters(parameters, tag)
    _check_times(parameters["created"], parameters["expires"], now, skew)
    return _Claimed(tuple(name for name, _ in items), parameters, signature)


def _check_parameters(parameters: Mapping[str, Any], tag: str) -> None:
    for name, kind in _PARAMETERS.items():
        if name not in parameters:
            raise _malformed(f"the signature's parameter `{name}` is missing")
        if type(parameters[name]) is not kind:  # not isinstance: `?1` is a bool, and a bool is an int
            raise _malformed(f"the signature's parameter `{name}` is not {'an integer' if kind is int else 'a string'}")
    for name in parameters:
        if name not in _PARAMETERS:
            raise _malformed(f"the signature's parameter `{name}` is not known")
    if parameters["tag"] != tag:
        raise NotAuthentic(f"the signature's tag is `{parameters['tag']}`, not `{tag}`", reason="tag-wrong")
    if parameters["alg"] not in ALGORITHMS:
        raise NotAuthentic(f"the algorithm `{parameters['alg']}` is not taken", reason="algorithm-not-taken")
    if not _strong(parameters["nonce"]):
        detail = "the nonce has less than 128 bits (22 characters of base64, or 32 hexadecimal digits)"
        raise NotAuthentic(detail, reason="nonce-weak")


def _check_times(created: int, expires: int, now: dt.datetime, skew: dt.timedelta) -> None:
    moment, slack = now.timestamp(), skew.total_seconds()
    if not 0 < expires - created <= MAX_LIFETIME.total_seconds():
        raise NotAuthentic("`expires` is not within 300 s after `created`", reason="lifetime-wrong")
    if created > moment + slack:
        raise NotAuthentic("the signature was created in the future; set the clock", reason="signature-early")
    if expires < moment - slack:
        raise NotAuthentic("the signature has expired; sign anew, and set the clock", reason="signature-expired")


def _verified(
    claimed: _Claimed,
    fields: Fields,
    sets: Sequence[tuple[str, ...]],
    method: str,
    target_uri: str,
    body: bytes | None,
    resolve_key: Callable[[str], PublicKey | None],
) -> dict[str, Any]:
    """The fields of a SignedRequest, once components, digest and signature hold, in this order."""
    names, parameters = claimed.components, claimed.parameters
    if len(set(names)) != len(names) or set(names) not in [set(s) for s in sets]:
        wanted = " ".join(f'"{name}"' for name in sets[0])
        raise NotAuthentic(f"the signature does not cover exactly {wanted}", reason="components-wrong")
    values: dict[str, str] = {"@method": method, "@target-uri": target_uri}
    for name in names:
        if name not in values:
            value = fields.get(name)
            if value is None:
                raise NotAuthentic(f"the header `{name}` is signed and missing", reason="components-wrong")
            values[name] = value
    if "content-digest" in values and body is not None:
        check_digest(values["content-digest"], body)
    _, base = signature_base(components=[(name, values[name]) for name in names], parameters=parameters)
    _check_signature(claimed, base, resolve_key(parameters["keyid"]))
    return {
        "method": method,
        "target_uri": target_uri,
        "keyid": parameters["keyid"],
        "alg": parameters["alg"],
        "created": dt.datetime.fromtimestamp(parameters["created"], dt.UTC),
        "expires": dt.datetime.fromtimestamp(parameters["expires"], dt.UTC),
        "nonce": parameters["nonce"],
        "label": LABEL,
        "tag": parameters["tag"],
        "base": base,
        "signature": claimed.signature,
    }


def _check_signature(claimed: _Claimed, base: bytes, key: PublicKey | None) -> None:
    alg = claimed.parameters["alg"]
    known = key is not None and key.alg == alg and key.fingerprint == claimed.parameters["keyid"]
    against = key if key is not None and known else _NOBODY[alg]
    try:
        against.verify(signature=claimed.signature, message=base)
    except NotAuthentic:
        pass
    else:
        if known:
            return
    raise SignatureRefused(keyid=key.fingerprint if key is not None else None)
