"""A policy file is edited line by line, and what a person arranged stays."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import NoteSigner
from audit.cosignature import Cosigner
from audit.errors import PolicyWrong
from audit.policy import Policy
from audit.policy_file import majority, with_log, with_witness, without_witness
from tests.audit.worlds import signer

LOG = signer().vkey


def vkey(name: str) -> str:
    return Cosigner(name, Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))).verifier.vkey


def added(data: bytes, *names: str, quorum: int | None = None) -> bytes:
    for name in names:
        url = f"https://{name}.example"
        data = with_witness(data, name=name, vkey=vkey(name), url=url, log_vkey=LOG, quorum=quorum)
    return data


def group(data: bytes) -> tuple[int, list[str]] | None:
    policy = Policy.from_text(data)
    if policy.quorum is None:
        return None
    [one] = [g for g in policy.groups if g.name == policy.quorum]
    return one.least, [member.decode() for member in one.members]


def test_the_first_makes_the_file() -> None:
    """The log, the witness, and a quorum of it."""
    data = added(b"", "north")
    assert (1, ["north"]) == group(data)
    policy = Policy.from_text(data)
    assert [LOG] == [log.verifier.vkey for log in policy.logs]
    assert ["https://north.example"] == [w.url for w in policy.witnesses]


@pytest.mark.parametrize("count", range(1, 7))
def test_a_majority_stays_one(count: int) -> None:
    """However many are added or taken away; any two majorities share a witness."""
    names = [f"w{n}" for n in range(count)]
    data = added(b"", *names)
    assert (majority(count), names) == group(data)
    assert 2 * majority(count) > count
    less = without_witness(data, names[0])
    assert ((majority(count - 1), names[1:]) if count > 1 else None) == group(less)
    assert (majority(count), [*names[1:], names[0]]) == group(added(less, names[0]))


def test_a_number_that_was_given_stays() -> None:
    """And can't be more than there are."""
    data = added(added(b"", "a", "b"), "c", quorum=3)
    assert (3, ["a", "b", "c"]) == group(data)
    assert (3, ["a", "b", "c", "d"]) == group(added(data, "d"))
    with pytest.raises(PolicyWrong):
        without_witness(data, "c")
    assert (1, ["a", "b"]) == group(without_witness(data, "c", quorum=1))


def test_none_is_needed() -> None:
    """They are asked, and nothing hangs on it."""
    data = added(b"", "a", "b", quorum=0)
    assert group(data) is None
    assert group(added(data, "c")) is None
    assert 3 == len(Policy.from_text(added(data, "c")).witnesses)


def test_comments_and_order_are_kept() -> None:
    """Of whatever a person wrote."""
    data = b"# ours\n" + added(b"", "a").replace(b"witness a", b"# Anna's\nwitness a") + b"# the end\n"
    more = added(data, "b")
    assert [b"# ours", b"# Anna's", b"# the end"] == [line for line in more.splitlines() if line.startswith(b"#")]
    assert (2, ["a", "b"]) == group(more)


def test_a_lone_witness_as_quorum_becomes_a_group() -> None:
    """`quorum a`, as a person writes it."""
    data = f"log {LOG}\nwitness a {vkey('a')} https://a.example\nquorum a\n".encode()
    assert (2, ["a", "b"]) == group(added(data, "b"))


@pytest.mark.parametrize(
    "rest", ["group mine all a b\nquorum mine\n", "group in any a b\ngroup witnesses 1 in\nquorum witnesses\n"]
)
def test_what_was_arranged_by_hand_is_refused(rest: str) -> None:
    """Rather than understood half."""
    data = f"log {LOG}\nwitness a {vkey('a')}\nwitness b {vkey('b')}\n{rest}".encode()
    for edit in (lambda: added(data, "c"), lambda: without_witness(data, "a")):
        with pytest.raises(PolicyWrong):
            edit()


@pytest.mark.parametrize("name", ["", "two words", "a", "witnesses", "none"])
def test_a_name_that_is_none_or_taken(name: str) -> None:
    """Nothing is changed."""
    with pytest.raises(PolicyWrong):
        with_witness(added(b"", "a"), name=name, vkey=vkey("b"), url=None, log_vkey=LOG)


def test_a_key_of_a_log_is_no_witnesss() -> None:
    """Another type; and a key stands once."""
    for key in (LOG, vkey("a"), "rubbish"):
        with pytest.raises(PolicyWrong):
            with_witness(added(b"", "a"), name="b", vkey=key, url=None, log_vkey=LOG)


def test_who_is_not_there_can_t_be_removed() -> None:
    """By name."""
    with pytest.raises(PolicyWrong):
        without_witness(added(b"", "a"), "b")


def test_a_log_goes_on_under_another_key() -> None:
    """Its line alone changes, once, and keeps its address; another log's stays, and so does every other line."""
    origin = LOG.partition("+")[0]
    data = b"# ours\n" + added(b"", "north").replace(f"log {LOG}".encode(), f"log {LOG} https://log.example".encode())
    new = NoteSigner.generate(f"{origin}/2").vkey
    after = with_log(data, name=origin, vkey=new)
    assert data.replace(LOG.encode(), new.encode()) == after
    assert after == with_log(after, name=origin, vkey=new)
    assert after == with_log(after, name=f"{origin}/2", vkey=new)
    twice = f"log {LOG}\nlog {new}\nquorum none\n".encode()
    assert f"log {new}\nquorum none\n".encode() == with_log(twice, name=origin, vkey=new)
    assert b"quorum none\n" == with_log(b"quorum none\n", name=origin, vkey=new)
    with pytest.raises(PolicyWrong):
        with_log(b"log", name=origin, vkey=new)
