"""Ways to cheat with full write access to the database, and what the verifier must say of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, insert, update

from audit import Draft, NoteSigner
from audit.entry import Prepared
from audit.leaf import Leaf, body_hash
from audit.schema import BODIES, HEAD, LEAVES, TERMS
from tests.audit.tampering import Cheat
from tests.audit.worlds import ORIGIN

SIZE = 300  # the first 300 entries are filed for searches, ten more are not yet
LAST = SIZE + 9
FORGER = NoteSigner.generate(ORIGIN)
FORGED = Prepared.of(Draft("request", {"number": 999}, ("hope-house",), {"party": "hope-house"}))


def edit_time(cheat: Cheat, seq: int, by: dt.timedelta) -> None:
    cheat.edit_leaf(seq, time=Leaf.from_bytes(cheat.leaf(seq)).time + by)


def swap_bodies(cheat: Cheat) -> None:
    three, seven = cheat.body(3), cheat.body(7)
    cheat.set_body(3, *seven)
    cheat.set_body(7, *three)


def swap_leaves(cheat: Cheat) -> None:
    three, four = cheat.leaf(3), cheat.leaf(4)
    cheat.set_leaf(3, four)
    cheat.set_leaf(4, three)


def swap_whole(cheat: Cheat) -> None:
    """Two entries change places, numbers and all."""
    three, four = Leaf.from_bytes(cheat.leaf(3)), Leaf.from_bytes(cheat.leaf(4))
    bodies = cheat.body(3), cheat.body(4)
    cheat.edit_leaf(3, body=four.body)
    cheat.edit_leaf(4, body=three.body)
    cheat.set_body(3, *bodies[1])
    cheat.set_body(4, *bodies[0])


def new_content(cheat: Cheat, seq: int) -> None:
    """Leaf and body of one entry rewritten together, its search words too."""
    cheat.edit_leaf(seq, body=FORGED.body_hash)
    cheat.set_body(seq, FORGED.salt, FORGED.body_bytes)
    cheat.connection.execute(delete(TERMS).where(TERMS.c.seq == seq))
    if seq < SIZE:
        words = [{"seq": seq, "key": key, "value": value} for key, value in FORGED.terms]
        cheat.connection.execute(insert(TERMS), words)


def renumber_after_removal(cheat: Cheat) -> None:
    cheat.remove(5)
    cheat.shift(6, -1)


def insert_in_the_middle(cheat: Cheat) -> None:
    cheat.shift(5, 1)
    cheat.put(5, FORGED)


def insert_with_everything_renumbered(cheat: Cheat) -> None:
    """All but the checkpoint agrees with it."""
    cheat.connection.execute(delete(TERMS))
    insert_in_the_middle(cheat)
    cheat.move_head(cheat.rechain(5))


def rewrite_history(cheat: Cheat) -> None:
    new_content(cheat, 5)
    cheat.move_head(cheat.rechain(6))


def rewrite_all_but_the_tree(cheat: Cheat) -> None:
    """As before, but the compact range is left, so that the head agrees with its checkpoint."""
    new_content(cheat, 5)
    cheat.set_head(last=cheat.rechain(6)[-1])


def sign_with_another_key(cheat: Cheat) -> None:
    new_content(cheat, 5)
    cheat.move_head(cheat.rechain(6), signer=FORGER)


def flip_signature(cheat: Cheat) -> None:
    note = cheat.head.checkpoint
    cheat.set_head(checkpoint=note[:-10] + (b"A" if note[-10:-9] != b"A" else b"B") + note[-9:])


def cut_the_end(cheat: Cheat) -> None:
    cheat.remove(LAST)


def cut_the_end_and_rewind_the_head(cheat: Cheat) -> None:
    cheat.remove(LAST)
    cheat.move_head(cheat.rechain(LAST))


def put_behind(cheat: Cheat) -> None:
    cheat.put(LAST + 1, FORGED)


def put_behind_and_move_the_head(cheat: Cheat) -> None:
    cheat.put(LAST + 1, FORGED)
    cheat.move_head(cheat.rechain(LAST + 1))


def backdate_with_links_right(cheat: Cheat) -> None:
    edit_time(cheat, 5, dt.timedelta(days=-30))
    cheat.move_head(cheat.rechain(6))


def delete_word(cheat: Cheat) -> None:
    cheat.connection.execute(delete(TERMS).where(TERMS.c.seq == 5, TERMS.c.key == "party"))


def add_word(cheat: Cheat) -> None:
    cheat.connection.execute(insert(TERMS).values(seq=5, key="reader", value="hope-house"))


def change_word(cheat: Cheat) -> None:
    cheat.connection.execute(update(TERMS).where(TERMS.c.seq == 5, TERMS.c.key == "kind").values(value="consent"))


def cut_words(cheat: Cheat) -> None:
    cheat.connection.execute(delete(TERMS).where(TERMS.c.seq >= 5))


def words_for_nothing(cheat: Cheat) -> None:
    cheat.connection.execute(insert(TERMS).values(seq=LAST + 7, key="kind", value="request"))


def body_for_nothing(cheat: Cheat) -> None:
    cheat.connection.execute(insert(BODIES).values({"seq": LAST + 7, "keys": bytes(24), "sealed": b"{}"}))


def body_not_canonical(cheat: Cheat) -> None:
    """Rewritten with its leaf, in a form that the log never writes."""
    cheat.edit_leaf(5, body=body_hash(bytes(32), b'{"a": 1}'))
    cheat.set_body(5, bytes(32), b'{"a": 1}')


def leaf_far_away(cheat: Cheat) -> None:
    cheat.connection.execute(insert(LEAVES).values(seq=2**52, leaf=cheat.leaf(LAST)))


def unreadable_head(cheat: Cheat) -> None:
    cheat.set_head(frontier=b"\x00")


def other_log_s_checkpoint(cheat: Cheat) -> None:
    other = NoteSigner.generate("other.example/log")
    cheat.move_head(cheat.rechain(LAST), signer=other)


@dataclass(frozen=True)
class Way:
    """One way to cheat, and what the verifier says of it first."""

    trick: Callable[[Cheat], object]
    code: str
    seq: int | None
    says: str
    also: tuple[str, ...] = ()


WAYS = {
    "a time is edited": Way(
        lambda c: edit_time(c, 5, dt.timedelta(microseconds=1)),
        "leaf-changed",
        5,
        "entry 5 was changed after it was recorded",
        ("root-differs",),
    ),
    "a kind is edited": Way(
        lambda c: c.edit_leaf(5, kind="consent"), "leaf-changed", 5, "entry 5 was changed", ("index-differs",)
    ),
    "the first entry is edited": Way(
        lambda c: edit_time(c, 0, dt.timedelta(seconds=-1)),
        "leaf-changed",
        0,
        "entry 0 was changed after it was recorded",
    ),
    "the last entry is edited": Way(
        lambda c: edit_time(c, LAST, dt.timedelta(microseconds=1)),
        "leaf-changed",
        LAST,
        f"entry {LAST} was changed after",
    ),
    "a link is edited": Way(
        lambda c: c.edit_leaf(5, prev=bytes(32)),
        "chain-broken",
        5,
        "neither follows from entry 4 nor leads to what comes after",
    ),
    "the first link is edited": Way(
        lambda c: c.edit_leaf(0, prev=b"\x01" * 32), "chain-broken", 0, "says that another entry came before it"
    ),
    "a leaf in another form": Way(
        lambda c: c.set_leaf(5, c.leaf(5).replace(b":1}", b": 1}")),
        "leaf-malformed",
        5,
        "not in the form in which entries are written",
    ),
    "leaf and body rewritten": Way(
        lambda c: new_content(c, 5), "leaf-changed", 5, "entry 5 was changed", ("root-differs",)
    ),
    "a body is edited": Way(
        lambda c: c.set_body(5, c.body(5)[0], c.body(5)[1].replace(b"5", b"6")),
        "body-changed",
        5,
        "the content of entry 5 was changed",
    ),
    "a salt is edited": Way(
        lambda c: c.set_body(5, bytes(32), c.body(5)[1]), "body-changed", 5, "the content of entry 5 was changed"
    ),
    "bodies are swapped": Way(swap_bodies, "body-swapped", 3, "entry 3 was given the content of entry 7"),
    "a body not canonical": Way(
        body_not_canonical, "body-malformed", 5, "not in its canonical form", ("leaf-changed",)
    ),
    "a body is deleted": Way(
        lambda c: c.connection.execute(delete(BODIES).where(BODIES.c.seq == 5)),
        "body-missing",
        5,
        "the content of entry 5 is missing",
    ),
    "a body for no entry": Way(body_for_nothing, "surplus-body", LAST + 7, f"a content for an entry {LAST + 7}"),
    "the last is deleted": Way(cut_the_end, "missing", LAST, f"entry {LAST} is missing"),
    "the last is deleted, head rewound": Way(
        cut_the_end_and_rewind_the_head, "missing", LAST, f"entry {LAST} is missing", ("head-differs",)
    ),
    "some in the middle are deleted": Way(lambda c: c.remove(5, last=7), "missing", 5, "entries 5 to 7 are missing"),
    "one is deleted, the rest renumbered": Way(
        renumber_after_removal, "renumbered", 5, "the entry stored as number 5 says that it is number 6"
    ),
    "everything is deleted": Way(lambda c: c.remove(0, last=LAST), "missing", 0, f"entries 0 to {LAST} are missing"),
    "one is put behind": Way(
        put_behind, "surplus", LAST + 1, f"added behind the {LAST + 1} entries that the log's key signed"
    ),
    "one is put behind, head moved": Way(
        put_behind_and_move_the_head, "surplus", LAST + 1, "was added behind", ("head-differs",)
    ),
    "one far behind": Way(leaf_far_away, "surplus", 2**52, "was added behind"),
    "one is put in": Way(insert_in_the_middle, "index-differs", 5, "", ("renumbered", "surplus")),
    "one is put in, all made to agree": Way(
        insert_with_everything_renumbered, "index-differs", 0, "their table was cut off", ("surplus", "root-differs")
    ),
    "two leaves are swapped": Way(swap_leaves, "renumbered", 3, "stored as number 3 says that it is number 4"),
    "two entries change places": Way(swap_whole, "chain-broken", 4, "neither follows from entry 3", ("root-differs",)),
    "history is rewritten": Way(
        rewrite_history, "head-differs", None, "they disagree about what the entries are", ("root-differs",)
    ),
    "history is rewritten, the tree's hashes left": Way(
        rewrite_all_but_the_tree, "root-differs", None, "the first that differs is among entries 0 to 255"
    ),
    "signed with another key": Way(
        sign_with_another_key, "checkpoint-key", None, "signed by another key than the one that you expect"
    ),
    "another log's checkpoint": Way(other_log_s_checkpoint, "checkpoint-key", None, "signed by `other.example/log+"),
    "a signature is forged": Way(flip_signature, "checkpoint-signature", None, "does not verify"),
    "a checkpoint of nonsense": Way(
        lambda c: c.set_head(checkpoint=b"x"), "checkpoint-malformed", None, "can't be read"
    ),
    "the head is deleted": Way(lambda c: c.connection.execute(delete(HEAD)), "head-missing", None, "was taken out"),
    "the head is not readable": Way(unreadable_head, "head-differs", None, "can't be read"),
    "the head's last hash": Way(
        lambda c: c.set_head(last=bytes(32)), "leaf-changed", LAST, f"entry {LAST} was changed"
    ),
    "the head's size": Way(
        lambda c: c.set_head(size=0, frontier=b""),
        "head-differs",
        None,
        "stands at 0 entries and its signed checkpoint at 310",
    ),
    "the head's time": Way(
        lambda c: c.set_head(time="2026-01-01T00:00:00.000000Z"), "head-differs", None, "dated before the last entry"
    ),
    "backdated, links right": Way(
        backdate_with_links_right, "time-back", 5, "dated before the entry that it follows", ("root-differs",)
    ),
    "a search word is deleted": Way(delete_word, "index-differs", 5, "so searches miss it"),
    "a reader is added": Way(add_word, "index-differs", 5, "so searches miss it"),
    "a kind is changed for searches": Way(change_word, "index-differs", 5, "so searches miss it"),
    "search words cut off": Way(cut_words, "index-differs", 5, "no entry from 5 on"),
    "search words for no entry": Way(words_for_nothing, "index-differs", LAST + 7, f"know of an entry {LAST + 7}"),
}


# The verifier reads the same rows whichever database holds them: some ways suffice to show it on PostgreSQL.
ON_BOTH = (
    "a time is edited",
    "bodies are swapped",
    "a body is deleted",
    "some in the middle are deleted",
    "one is put behind, head moved",
    "two leaves are swapped",
    "signed with another key",
    "a search word is deleted",
)
