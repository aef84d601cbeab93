"""A bundle's own signature, and the bundle as one file, both as OPA takes them.

`.signatures.json` holds one JWT, whose payload lists every file with its SHA-256
(https://www.openpolicyagent.org/docs/management-bundles#signing). OPA hashes a structured file (`.json`, `.manifest`)
by its value, not by its bytes: as JSON whose keys are sorted, without spaces. The archive is a tar in gzip, with no
times nor owners, so that the same bundle has the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any, Literal

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from governance.compiler.bundle import MANIFEST, Bundle
from governance.errors import InputWrong

__all__ = ["SIGNATURES", "algorithm_of", "archive", "sign_bundle"]

SIGNATURES = ".signatures.json"
Algorithm = Literal["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "HS256", "HS384", "HS512"]


def sign_bundle(bundle: Bundle, *, key: str | bytes, keyid: str, algorithm: Algorithm = "ES256") -> bytes:
    """`.signatures.json` of a bundle. `key` is a private key in PEM, or a shared secret for HS256 and the like.

    Raises InputWrong when the key does not fit the algorithm.
    """
    payload = {"files": [_hashed(name, data) for name, data in sorted(bundle.files.items()) if name != SIGNATURES]}
    try:
        token = jwt.encode(payload, key, algorithm=algorithm, headers={"kid": keyid})
    except (jwt.exceptions.PyJWTError, ValueError, TypeError):
        raise InputWrong(f"the key cannot sign by {algorithm}", reason="key-wrong", field="key") from None
    return _json({"signatures": [token]}) + b"\n"


def algorithm_of(key: bytes) -> Algorithm:
    """By which algorithm OPA verifies what this private key, in PEM, signs. Raises InputWrong where there is none."""
    try:
        loaded = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InputWrong("no private key in PEM, without a passphrase", reason="key-wrong", field="key") from None
    if isinstance(loaded, ec.EllipticCurvePrivateKey) and isinstance(loaded.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(loaded, ec.EllipticCurvePrivateKey) and isinstance(loaded.curve, ec.SECP384R1):
        return "ES384"
    if isinstance(loaded, rsa.RSAPrivateKey):
        return "RS256"
    raise InputWrong("OPA verifies bundles by keys of P-256, P-384 or RSA", reason="key-wrong", field="key")


def archive(files: Mapping[str, bytes]) -> bytes:
    """`bundle.tar.gz`, the same bytes for the same files."""
    packed = io.BytesIO()
    with tarfile.TarFile(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), mtime=0)


def _hashed(name: str, data: bytes) -> dict[str, Any]:
    if name == MANIFEST or name.endswith(".json"):
        data = _json(json.loads(data))
    return {"name": name, "hash": hashlib.sha256(data).hexdigest(), "algorithm": "SHA-256"}


def _json(value: Any) -> bytes:
    """As OPA writes a value before it hashes it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
