"""Keys and signatures that RFCs publish. Values only; each names its section."""

from __future__ import annotations

from base64 import urlsafe_b64decode

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from governance.signing.keys import PrivateKey, PublicKey

__all__ = ["b64url", "ec_public", "ed25519_private"]


def b64url(text: str) -> bytes:
    """Unpadded base64url."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def ec_public(x: str, y: str) -> PublicKey:
    """A P-256 key from the members of a JWK (RFC 7518 §6.2.1)."""
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(b64url(x), "big"), int.from_bytes(b64url(y), "big"), ec.SECP256R1()
    )
    return PublicKey.from_pem(numbers.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def ed25519_private(d: str) -> PrivateKey:
    """An Ed25519 key from the member `d` of a JWK (RFC 8037 §2)."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(b64url(d))
    return PrivateKey.from_pem(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


# RFC 7515 A.3, ES256
A3_KEY = ec_public("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
A3_HEADER = "eyJhbGciOiJFUzI1NiJ9"
A3_PAYLOAD = b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
A3_SIGNATURE = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

# RFC 8037 A.4, EdDSA
A4_KEY = ed25519_private("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
A4_HEADER = "eyJhbGciOiJFZERTQSJ9"
A4_PAYLOAD = b"Example of Ed25519 signing"
A4_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

# RFC 9421 B.1.3 and B.2.4, ecdsa-p256-sha256
B24_KEY = ec_public("qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA", "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0")
B24_COMPONENTS = (
    ("@status", "200"),
    ("content-type", "application/json"),
    (
        "content-digest",
        "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
    ),
    ("content-length", "23"),
)
B24_PARAMETERS: dict[str, str | int] = {"created": 1618884473, "keyid": "test-key-ecc-p256"}
B24_SIGNATURE = "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw=="

# RFC 9421 B.1.4 and B.2.6, ed25519
B26_KEY = ed25519_private("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU")
B26_COMPONENTS = (
    ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("@method", "POST"),
    ("@path", "/foo"),
    ("@authority", "example.com"),
    ("content-type", "application/json"),
    ("content-length", "18"),
)
B26_PARAMETERS: dict[str, str | int] = {"created": 1618884473, "keyid": "test-key-ed25519"}
B26_PARAMS = ";".join(
    (
        '("date" "@method" "@path" "@authority" "content-type" "content-length")',
        "created=1618884473",
        'keyid="test-key-ed25519"',
    )
)
B26_BASE = (
    b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n"@authority": example.com\n'
    b'"content-type": application/json\n"content-length": 18\n"@signature-params": ' + B26_PARAMS.encode()
)
B26_SIGNATURE = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
