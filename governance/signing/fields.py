"""The header fields that a signed request carries, parsed strictly (RFC 9651, RFC 9530, RFC 9421 §4).

A field that stands twice is refused, also when a server in between has joined its lines with a comma: a dictionary with
a key twice, a parameter that stands twice and an item with something behind it do not parse here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

import http_sf
from http_sf import StructuredFieldError, Token
from http_sf.types import BareItemType

from governance.errors import InputWrong, NotAuthentic

__all__ = [
    "Fields",
    "check_digest",
    "check_sha256",
    "content_digest",
    "dictionary",
    "parse_purpose",
    "purpose_item",
    "said_sha256",
    "signature_input",
]

_MOST = 2_048  # bytes of one field; a long one costs time before anybody is known


class Fields:
    """Header fields by lower-case name. What is asked for stands once, in printable ASCII, or not at all."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(value)

    def get(self, name: str) -> str | None:
        """The field's value without surrounding blanks. Raises NotAuthentic when it stands twice or is malformed."""
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise NotAuthentic(f"the header `{name}` stands {len(values)} times", reason="header-twice")
        value = values[0].strip(" \t")
        if not (value.isascii() and value.isprintable()) or len(value) > _MOST:
            raise NotAuthentic(f"the header `{name}` is not short, printable ASCII", reason="signature-malformed")
        return value


def _twice(name: str, context: str) -> None:
    raise ValueError(f"the {'key' if context == 'dictionary' else context} `{name}` stands twice")


def _parse(value: str, kind: str) -> Any:
    try:
        return http_sf.parse(value.encode("ascii"), tltype=kind, on_duplicate_key=_twice)
    except StructuredFieldError as error:
        raise ValueError(str(error).splitlines()[0]) from None


# What every signer that we know writes: strings without escapes, numbers without leading zeros, one space between
# components. `http_sf` reads the same in 43 of the 250 µs that verifying may take, and reads what is not like this.
_STRING = r'"[ !#-\[\]-~]*"'
_PLAIN = re.compile(
    rf"([a-z*][a-z0-9_.*-]*)=\(({_STRING}(?: {_STRING})*)\)((?:;[a-z*][a-z0-9_.*-]*=(?:[1-9][0-9]{{0,14}}|{_STRING}))*)"
)
_PARAMETER = re.compile(rf";([a-z*][a-z0-9_.*-]*)=(?:([0-9]+)|({_STRING}))")
_COMPONENT = re.compile(_STRING)

InnerList = tuple[list[tuple[Any, dict[str, Any]]], dict[str, Any]]


def signature_input(value: str) -> Mapping[str, InnerList]:
    """`Signature-Input` (RFC 9421 §4.1), as `dictionary` reads it. Raises NotAuthentic."""
    plain = _PLAIN.fullmatch(value)
    if plain is not None:
        label, items, given = plain.groups()
        found = _PARAMETER.findall(given)
        parameters: dict[str, Any] = {key: int(number) if number else text[1:-1] for key, number, text in found}
        if len(parameters) == len(found):
            return {label: ([(name[1:-1], {}) for name in _COMPONENT.findall(items)], parameters)}
    return dictionary("signature-input", value)


def dictionary(name: str, value: str) -> Mapping[str, tuple[Any, dict[str, Any]]]:
    """A field that is a dictionary (RFC 9651 §3.2). Raises NotAuthentic."""
    try:
        parsed: Mapping[str, tuple[Any, dict[str, Any]]] = _parse(value, "dictionary")
    except ValueError as error:
        raise NotAuthentic(f"the header `{name}` is malformed: {error}", reason="signature-malformed") from None
    return parsed


def content_digest(body: bytes) -> str:
    """The `Content-Digest` of a body (RFC 9530 §2)."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def check_digest(value: str, body: bytes) -> None:
    """Holds a `Content-Digest` against the body: `sha-256` must be there and right, others are passed over."""
    if hmac.compare_digest(value, content_digest(body)):
        return
    check_sha256(said_sha256(value), hashlib.sha256(body).digest())


def said_sha256(value: str) -> bytes:
    """The `sha-256` that a `Content-Digest` speaks of. Raises NotAuthentic."""
    found = dictionary("content-digest", value).get("sha-256", (None, {}))[0]
    if not isinstance(found, bytes):
        raise NotAuthentic("the header `content-digest` holds no `sha-256`", reason="digest-wrong")
    return found


def check_sha256(said: bytes, found: bytes) -> None:
    """Raises NotAuthentic where a body has another digest than was said."""
    if not hmac.compare_digest(said, found):
        raise NotAuthentic("the body is not the one that `content-digest` speaks of", reason="digest-wrong")


def purpose_item(*, purpose: str, mou: str) -> str:
    """`Data-Purpose`: a token where the purpose can be one, else a string, with the MOU's id as `mou`."""
    parameters: dict[str, BareItemType] = {"mou": mou}
    for item in (Token(purpose), purpose):
        try:
            return http_sf.ser((item, parameters))
        except ValueError:
            continue
    detail = f"`{purpose}` for `{mou}` cannot stand in a header"
    raise InputWrong(detail, reason="purpose-malformed", field="Data-Purpose")


def parse_purpose(value: str | None) -> tuple[str, str]:
    """The purpose and the MOU's id. Raises InputWrong: these are the caller's words, and both are required."""
    example = 'such as `program-improvement;mou="benchmarking"`'
    if not value:
        raise InputWrong(
            f"the header `Data-Purpose` is missing, {example}", reason="purpose-missing", field="Data-Purpose"
        )
    try:
        item, parameters = _parse(value, "item")
    except ValueError as error:
        detail = f"the header `Data-Purpose` is malformed: {error}"
        raise InputWrong(detail, reason="purpose-malformed", field="Data-Purpose") from None
    mou = parameters.get("mou")
    if set(parameters) != {"mou"} or not isinstance(mou, str) or not isinstance(item, Token | str):
        detail = f"the header `Data-Purpose` is one purpose with the parameter `mou` alone, {example}"
        raise InputWrong(detail, reason="purpose-malformed", field="Data-Purpose")
    if not str(item) or not mou:
        raise InputWrong("an empty purpose or `mou`", reason="purpose-malformed", field="Data-Purpose")
    return str(item), mou
