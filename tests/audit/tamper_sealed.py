"""Rows of the tamper table: contents, salts, ciphertexts, data keys, and erasures that nobody ordered."""

from __future__ import annotations

import json
from collections.abc import Callable

from audit.canonical import canonical
from audit.leaf import body_hash
from audit.schema import WHOLE
from tests.audit.tamper_entries import by, sql
from tests.audit.tamper_row import DATABASE, FILES, KEYS, Row
from tests.audit.tamper_scene import ERASURE, LAST, Scene
from tests.audit.tampering import Cheat

__all__ = ["SEALED"]


def _swap_ciphertexts(scene: Scene) -> None:
    scene.sql(
        "CREATE TEMP TABLE held AS SELECT * FROM audit_bodies WHERE seq IN (30, 33)",
        "UPDATE audit_bodies SET sealed = (SELECT sealed FROM held WHERE held.seq = 63 - audit_bodies.seq), "
        "keys = (SELECT keys FROM held WHERE held.seq = 63 - audit_bodies.seq) WHERE seq IN (30, 33)",
    )


def _rotate_contents(cheat: Cheat) -> None:
    """Encrypted anew, each for its new place: no ciphertext is out of place."""
    contents = [cheat.body(seq) for seq in (34, 35, 36)]
    for seq, content in zip((35, 36, 34), contents, strict=True):
        cheat.set_body(seq, *content)


def _swap_salts(cheat: Cheat) -> None:
    (salt, body), (other_salt, other) = cheat.body(37), cheat.body(39)
    cheat.set_body(37, other_salt, body)
    cheat.set_body(39, salt, other)


def _edit_body(cheat: Cheat) -> None:
    salt, body = cheat.body(40)
    cheat.set_body(40, salt, body.replace(b'"number":40', b'"number":41'))


def _not_canonical(cheat: Cheat) -> None:
    salt, body = cheat.body(41)
    spaced = body.replace(b":", b": ", 1)
    cheat.edit_leaf(41, body=body_hash(salt, spaced))
    cheat.set_body(41, salt, spaced)


def _flip(cheat: Cheat) -> None:
    ids, sealed = cheat.sealed(42)
    cheat.set_sealed(42, ids, sealed[:-1] + bytes([sealed[-1] ^ 1]))


def _other_key(cheat: Cheat) -> None:
    """The same content under the key of another party: who holds that one reads it."""
    salt, body = cheat.body(43)
    keys = [cheat.sealing.keys.of_party("record", "hope-house")]
    cheat.set_sealed(43, *cheat.sealing.seal_with(keys, salt + body, b"\x00" * 40))


def _name_other_key(cheat: Cheat) -> None:
    _, sealed = cheat.sealed(44)
    cheat.set_sealed(44, cheat.sealing.keys.of_party("record", "hope-house").id, sealed)


def _part_exchanged(cheat: Cheat) -> None:
    """What was said of a client, encrypted anew under the client's own key, at its own place."""
    from sqlalchemy import select, update

    from audit.leaf import Leaf
    from audit.rows import place_of
    from audit.schema import PARTS

    (ids,) = cheat.connection.scalars(select(PARTS.c["keys"]).where(PARTS.c.seq == 1)).all()
    value, _ = canonical({"purpose": "advertising", "subject": "client-4711"})
    place = place_of(1, Leaf.hash(cheat.leaf(1))) + (0).to_bytes(4, "big")
    key = cheat.sealing.keys.by_id([ids])[ids]
    _, sealed = cheat.sealing.seal_with([key], bytes(32) + value, place)
    cheat.connection.execute(update(PARTS).where(PARTS.c.seq == 1).values(sealed=sealed))


def keys_sql(*statements: str) -> Callable[[Scene], None]:
    """In the file of the data keys, which are wrapped there."""

    def does(scene: Scene) -> None:
        with scene.key_rows() as connection:
            for statement in statements:
                connection.execute(statement)

    return does


_PARTY = "use = 'record' AND holder = 'aspire'"
_CONTENT = "use = 'content' AND holder = 'aspire' AND length(tag) = 0"
_CLIENT = "use = 'content' AND holder = 'aspire' AND length(tag) > 0"


def _new_data_key(scene: Scene) -> None:
    """A fresh one, well wrapped, under the old one's id."""
    import secrets

    from sqlalchemy import select, update

    from audit.keys import DATA_KEYS

    with scene.keys() as keys, keys.engine.begin() as connection:
        where = (DATA_KEYS.c.use == "record", DATA_KEYS.c.holder == "aspire")
        row = connection.execute(select(DATA_KEYS).where(*where)).one()
        wrapped = keys._wrapped(row._mapping, secrets.token_bytes(32))
        connection.execute(update(DATA_KEYS).where(*where).values(wrapped=wrapped))


def _back_from_backup(table: str, where: str, *, file: str = "log.db") -> Callable[[Scene], None]:
    def does(scene: Scene) -> None:
        with scene.database():
            pass  # without its triggers
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(scene.folder / file)) as connection, connection:
            connection.execute("ATTACH ? AS old", (f"{scene.folder}/backup/{file}",))
            columns = ", ".join(f'"{row[1]}"' for row in connection.execute(f"PRAGMA table_info({table})"))
            connection.execute(
                f"INSERT OR IGNORE INTO main.{table} ({columns}) SELECT {columns} FROM old.{table} WHERE {where}"
            )
            assert connection.total_changes
            connection.commit()

    return does


def _erasure_names_another(cheat: Cheat) -> None:
    """The order is rewritten to name entry 45, whose content goes, and entry 5 comes off the list."""
    salt, body = cheat.body(ERASURE)
    said = json.loads(body)
    said["erased"]["bodies"] = [[45, 45]]
    cheat.set_body(ERASURE, salt, canonical(said)[0])
    cheat.connection.exec_driver_sql("DELETE FROM audit_bodies WHERE seq = 45")
    cheat.connection.exec_driver_sql("UPDATE audit_erased SET seq = 45 WHERE seq = 5")


SEALED = (
    Row(
        "edits the content of an entry, and encrypts it anew",
        by(_edit_body),
        (DATABASE, KEYS),
        "body-changed",
        "the content of entry 40 was changed after it was recorded",
    ),
    Row(
        "flips one bit of a ciphertext",
        by(_flip),
        (DATABASE,),
        "body-changed",
        "the content of entry 42 was changed after it was recorded, or is another entry's",
    ),
    Row(
        "swaps the ciphertexts of two entries",
        _swap_ciphertexts,
        (DATABASE,),
        "body-swapped",
        "entry 30 was given the content of entry 33",
    ),
    Row(
        "rotates the contents of three entries, each encrypted anew for its new place",
        by(_rotate_contents),
        (DATABASE, KEYS),
        "body-swapped",
        "entry 34 was given the content of entry 36",
    ),
    Row(
        "swaps the salts of two entries, and encrypts both anew",
        by(_swap_salts),
        (DATABASE, KEYS),
        "body-changed",
        "the content of entry 37 was changed after it was recorded",
    ),
    Row(
        "rewrites a content in another form that means the same, with its leaf",
        by(_not_canonical),
        (DATABASE, KEYS),
        "body-malformed",
        "the content of entry 41 is not in its canonical form",
        also=("leaf-changed",),
    ),
    Row(
        "moves a content under another party's key, so that this one may read it",
        by(_other_key),
        (DATABASE, KEYS),
        "body-changed",
        "the content of entry 43 was changed after it was recorded, or is another entry's",
    ),
    Row(
        "says that a content lies under another key",
        by(_name_other_key),
        (DATABASE, KEYS),
        "body-changed",
        "the content of entry 44 was changed after it was recorded, or is another entry's",
    ),
    Row(
        "deletes a content",
        sql("DELETE FROM audit_bodies WHERE seq = 46"),
        (DATABASE,),
        "body-missing",
        "the content of entry 46 is missing",
    ),
    Row(
        "adds a content for an entry that does not exist",
        sql(f"INSERT INTO audit_bodies SELECT {LAST + 7}, keys, sealed FROM audit_bodies WHERE seq = 47"),
        (DATABASE,),
        "surplus-body",
        f"there is a content for an entry {LAST + 7}, and the log has {LAST + 1} entries",
    ),
    Row(
        "deletes what a consent says of a client",
        sql("DELETE FROM audit_parts WHERE seq = 1"),
        (DATABASE,),
        "part-missing",
        "part 0 of entry 1 is missing, and nobody erased it",
    ),
    Row(
        "rewrites what a consent says of a client, under the client's own key",
        by(_part_exchanged),
        (DATABASE, KEYS),
        "part-changed",
        "part 0 of entry 1",
    ),
    Row(
        "adds a client to a consent",
        sql("INSERT INTO audit_parts SELECT seq, 1, keys, sealed FROM audit_parts WHERE seq = 1"),
        (DATABASE,),
        "part-surplus",
        "entry 1 was given a part 1 that it does not have",
    ),
    Row(
        "destroys a party's data key without an order",
        keys_sql(f"DELETE FROM accordant_data_keys WHERE {_CONTENT}"),
        (FILES,),
        "key-missing",
        "the key to the content of entry 2 is missing",
    ),
    Row(
        "destroys a client's data key without an order",
        keys_sql("DELETE FROM accordant_data_keys WHERE use = 'disclosure' AND length(tag) > 0"),
        (FILES,),
        "subject-missing",
        "the key of a client that entry 3 names is missing, and nobody erased it",
    ),
    Row(
        "replaces a data key by a fresh one, well wrapped",
        _new_data_key,
        (FILES, KEYS),
        "body-changed",
        "the content of entry 0 was changed after it was recorded, or is another entry's",
        refused=True,
    ),
    Row(
        "swaps two wrapped data keys",
        keys_sql(
            f"UPDATE accordant_data_keys SET wrapped = (SELECT wrapped FROM accordant_data_keys WHERE {_PARTY}) "
            "WHERE use = 'disclosure' AND length(tag) > 0"
        ),
        (FILES,),
        "key-changed",
        "does not open a data key",
    ),
    Row(
        "files a client's key under another client's tag",
        keys_sql(f"UPDATE accordant_data_keys SET tag = zeroblob(32) WHERE {_CLIENT}"),
        (FILES,),
        "key-changed",
        "the key to part 0 of entry 1 can't be used",
    ),
    Row(
        "deletes a content and claims that it was erased under an entry that ordered no erasure",
        sql(
            "DELETE FROM audit_bodies WHERE seq = 48",
            f"INSERT INTO audit_erased (seq, number, under) VALUES (48, {WHOLE}, 60)",
        ),
        (DATABASE,),
        "body-missing",
        "the content of entry 48 is missing",
        also=("erasure-unordered",),
    ),
    Row(
        "deletes a content and claims that it was erased under a real erasure, which named another entry",
        sql(
            "DELETE FROM audit_bodies WHERE seq BETWEEN 49 AND 50",
            f"INSERT INTO audit_erased (seq, number, under) VALUES (49, {WHOLE}, {ERASURE}), (50, {WHOLE}, {ERASURE})",
        ),
        (DATABASE,),
        "body-missing",
        "the content of entry 49 is missing",
        also=("erasure-unordered",),
    ),
    Row(
        "claims an erasure of a content that is still there, so that nobody is shown it",
        sql(f"INSERT INTO audit_erased (seq, number, under) VALUES (51, {WHOLE}, {ERASURE})"),
        (DATABASE,),
        "erasure-unordered",
        f"entry 51 is said to be erased under entry {ERASURE}, which ordered no such thing",
    ),
    Row(
        "claims that a key was destroyed on an order, so that the next start destroys it",
        by(
            lambda c: c.connection.exec_driver_sql(
                "INSERT INTO audit_erased_keys (key, under) VALUES (?, ?)",
                (c.sealing.keys.of_party("record", "aspire").id, ERASURE),
            )
        ),
        (DATABASE,),
        "erasure-unordered",
        f"a key is said to be destroyed under entry {ERASURE}, which ordered no such thing",
    ),
    Row(
        "rewrites an erasure to name another entry, whose content is deleted",
        by(_erasure_names_another),
        (DATABASE, KEYS),
        "body-missing",
        "the content of entry 5 is missing",
        also=("body-changed",),
        refused=True,
    ),
    Row(
        "puts an erased content back from a backup",
        _back_from_backup("audit_bodies", "seq = 5"),
        (DATABASE,),
        "erased-returned",
        f"the content of entry 5 was erased under entry {ERASURE}, and is there again",
    ),
    Row(
        "puts a destroyed key back from a copy of the key store",
        _back_from_backup("accordant_data_keys", "1", file="log.db.keys"),
        (FILES,),
        "key-returned",
        f"a key that was destroyed under entry {ERASURE} is in the key store again",
    ),
)
