"""Policy files: what they say, what they ask for, and every way to write a wrong one."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.cosignature import Cosigner
from audit.errors import PolicyWrong, WrongCheckpoint
from audit.note import Checkpoint, NoteSigner
from audit.policy import Policy

LOG = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
WITNESSES = {
    name: Cosigner(f"{name}.example", Ed25519PrivateKey.from_private_bytes(name.encode() * 16)) for name in NAMES
}
KEYS = {name: cosigner.verifier.vkey for name, cosigner in WITNESSES.items()}
# The example of C2SP tlog-policy, with keys.
EXAMPLE = f"""\
log {LOG.vkey}

witness X1 {KEYS["X1"]}
witness X2 {KEYS["X2"]} https://x2.example/
witness X3 {KEYS["X3"]}
group X-witnesses 2 X1 X2 X3

# the other organisation
witness Y1 {KEYS["Y1"]}
\twitness\tY2\t{KEYS["Y2"]}
witness Y3 {KEYS["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
NOTE = LOG.sign(Checkpoint("log.example", 7, bytes(32)).to_text())


def cosigned(*names: str) -> bytes:
    return NOTE + b"".join(WITNESSES[name].line(NOTE, seconds=1) for name in names)


@pytest.mark.parametrize(
    ("names", "enough"),
    [
        ((), False),
        (("X1", "X2"), False),
        (("Y1",), False),
        (("X1", "Y1"), False),
        (("X1", "X3", "Y2"), True),
        (("X1", "X2", "X3", "Y1", "Y2", "Y3"), True),
        (("Y1", "Y2", "Y3"), False),
    ],
)
def test_the_example_of_the_specification(names: tuple[str, ...], enough: bool) -> None:
    """Two of the Xs and any of the Ys."""
    policy = Policy.from_text(EXAMPLE.encode())
    assert enough == policy.satisfied(frozenset(name.encode() for name in names))
    if enough:
        assert 7 == policy.check(cosigned(*names)).size
    else:
        with pytest.raises(WrongCheckpoint):
            policy.check(cosigned(*names))


def test_addresses_are_kept() -> None:
    """Where there are any."""
    policy = Policy.from_text(EXAMPLE.encode())
    assert [None, "https://x2.example/", None] == [w.url for w in policy.witnesses[:3]]


def test_no_quorum_asks_for_nobody() -> None:
    """But the log's own signature must be there."""
    policy = Policy.from_text(f"log {LOG.vkey}\nquorum none\n".encode())
    assert 7 == policy.check(NOTE).size
    other = NoteSigner("other.example", Ed25519PrivateKey.from_private_bytes(b"o" * 32))
    with pytest.raises(WrongCheckpoint):
        policy.check(other.sign(Checkpoint("other.example", 7, bytes(32)).to_text()))


def test_one_witness_may_be_the_quorum() -> None:
    """Without a group."""
    policy = Policy.from_text(f"log {LOG.vkey}\nwitness w {KEYS['X1']}\nquorum w\n".encode())
    policy.check(cosigned("X1"))
    with pytest.raises(WrongCheckpoint):
        policy.check(cosigned("X2"))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["quorum none", "quorum none"],
        ["quorum w"],
        ["quorum"],
        ["quorum none none"],
        ["witnesses w", "quorum none"],
        ["log", "quorum none"],
        ["log nonsense", "quorum none"],
        [f"log {LOG.vkey}", f"log {LOG.vkey}", "quorum none"],
        [f"log {KEYS['X1']}", "quorum none"],
        [f"witness w {LOG.vkey}", "quorum w"],
        [f"witness none {KEYS['X1']}", "quorum none"],
        [f"witness w {KEYS['X1']}", f"witness v {KEYS['X1']}", "quorum w"],
        [f"witness w {KEYS['X1']}", f"witness w {KEYS['X2']}", "quorum w"],
        [f"witness w {KEYS['X1']}", "group g 0 w", "quorum g"],
        [f"witness w {KEYS['X1']}", "group g 2 w", "quorum g"],
        [f"witness w {KEYS['X1']}", "group g some w", "quorum g"],
        [f"witness w {KEYS['X1']}", "group g all", "quorum g"],
        [f"witness w {KEYS['X1']}", "group g any w w", "quorum g"],
        [f"witness w {KEYS['X1']}", "group g any w", "group h any w", "quorum g"],
        [f"witness w {KEYS['X1']}", "group w any w", "quorum w"],
        ["group g any w", f"witness w {KEYS['X1']}", "quorum g"],
        ["group g any none", "quorum g"],
        ["quorum none\r"],
        ["quorum none\x00"],
    ],
)
def test_a_wrong_policy_is_refused(lines: list[str]) -> None:
    """Naming the line, where one is to blame."""
    with pytest.raises(PolicyWrong):
        Policy.from_text("\n".join(lines).encode())


def test_names_are_bytes() -> None:
    """Two that look alike are two."""
    text = f"witness K {KEYS['X1']}\nwitness \u212a {KEYS['X2']}\ngroup g all K \u212a\nquorum g\n"
    policy = Policy.from_text(text.encode())
    assert policy.satisfied(frozenset([b"K", "\u212a".encode()]))
    assert not policy.satisfied(frozenset([b"K"]))


@pytest.mark.parametrize(
    ("rest", "least"),
    [
        ("quorum none", 0),
        ("quorum a", 1),
        ("group g all a b c\nquorum g", 3),
        ("group g 2 a b c\nquorum g", 2),
        ("group x all a b\ngroup g any x c\nquorum g", 1),
        ("group x all a b\ngroup g all x c\nquorum g", 3),
    ],
)
def test_the_fewest_that_make_a_quorum(rest: str, least: int) -> None:
    """Of nested groups, too."""
    keys = [Cosigner(name, Ed25519PrivateKey.from_private_bytes(name.encode() * 32)).verifier.vkey for name in "abc"]
    lines = [f"witness {name} {key}" for name, key in zip("abc", keys, strict=True)]
    assert least == Policy.from_text("\n".join([*lines, rest, ""]).encode()).least
