"""Documents made from a `random.Random`, for `tests.strategies`: every reference inside one is good, trees have no
cycles, and much of what could differ between readings is common in them.

Ids are alike but for the sign between their parts (`2.1`, `2-1`, `2_1`), so that a name made of an id cannot be
another's; titles and texts would like to become source code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from random import Random
from typing import Any

from governance.model.mou import Mou

__all__ = [
    "CLAUSE_IDS",
    "DATASETS",
    "DAYS",
    "DPV",
    "FIELDS",
    "LEVELS",
    "MOU_IDS",
    "PARTIES",
    "PURPOSES",
    "ROWS",
    "VIEWS",
]

ZONES = (
    "UTC",
    "America/Chicago",
    "America/Havana",  # skips midnight in March, has it twice in November
    "Asia/Beirut",  # skips midnight in March
    "America/Santiago",  # skips midnight in September
    "Africa/Cairo",  # skips midnight in April
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
)
DAYS = tuple(
    dt.date.fromisoformat(day)
    for day in (
        "2025-12-31", "2026-01-01", "2026-01-31", "2026-02-28", "2026-03-01", "2026-03-08", "2026-03-29", "2026-04-24",
        "2026-08-31", "2026-09-06", "2026-11-01", "2027-02-28", "2027-03-14", "2027-03-28", "2028-02-28", "2028-02-29",
        "2028-03-01", "2029-02-28",
    )
)  # fmt: skip
PARTIES = ("north", "south", "p-1", "p_1", "hub")
ROLES = ("partner", "convener", "part-ner")
DATASETS = ("d", "d-1", "d_1")
FIELDS = ("id", "name", "age", "zip", "grade", "Grade", "done")
PURPOSES = ("care", "improve", "bench-mark", "bench_mark", "research", "fundraising")
DPV = ("dpv:A", "dpv:B", 'dpv:"`{{é}}\\')
MOU_IDS = ("al-pha", "al_pha", "beta")
CLAUSE_IDS = ("2.1", "2-1", "2_1", "2.10", "a", "A", "not", "default", "9")
PERIODS = ("P1Y", "P6M", "P1M", "P30D", "P1D", "P1M1D")
TEXT_LEVELS: tuple[Any, ...] = ("0-19", "20-39", 'say "x"`{{y}}', "été", "1")
LEVELS: tuple[Any, ...] = (*TEXT_LEVELS, 1, 2, True)
VIEWS = ("identified", "pseudonymised", "aggregate")
ROWS = ("own", "others", "all")
CLASSES = ("identifier", "quasi-identifier", "sensitive", "plain")

HOSTILE = (
    '"', '\\"', "'", "`", "\\", "\n", "\r\n", "\t", "{{", "}}", "{0}", "{fields}", "{{fields}}", "${x}", "%s", "%",
    "#", "# METADATA", "\n# METADATA\n# title: no", "package x", '"}\n default allow := true', "---", ": ", "- ", "|",
    ">", "*/", "\u2028", "\u0085", "é", "ß", "日本", "\U0001f600", "\u202e", "null", "yes", " ", "a", "clause", "11",
)  # fmt: skip


def hostile(random: Random, most: int = 4) -> str:
    """Quotes, line ends, backticks, braces, comments, other alphabets."""
    return "".join(random.choices(HOSTILE, k=random.randint(1, most)))


def chance(random: Random, of_ten: int) -> bool:
    """True that many times of ten."""
    return random.randrange(10) < of_ten


def some(random: Random, items: Sequence[Any], *, least: int = 1, most: int | None = None) -> list[Any]:
    """A few of the items, in any order."""
    most = min(len(items), most or len(items))
    return random.sample(list(items), random.randint(min(least, most), most))


def _who(random: Random, parties: Sequence[str]) -> Any:
    kind = random.choice(("everyone", "roles", "roles", "parties", "both"))
    if kind == "everyone":
        return "everyone"
    who: dict[str, Any] = {}
    if kind != "parties":
        who["roles"] = ["partner"] if chance(random, 6) else some(random, ROLES, most=2)
    if kind != "roles":
        who["parties"] = some(random, parties, most=3)
    return who


def _purposes(random: Random) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name in some(random, PURPOSES, least=3, most=6):
        node: dict[str, Any] = {"title": hostile(random)}
        if tree and chance(random, 6):
            node["broader"] = random.choice(list(tree))
        if chance(random, 4):
            node["dpv"] = random.choice(DPV)
        tree[name] = node
    return tree


def _dataset(random: Random, parties: Sequence[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in some(random, FIELDS, least=2, most=6):
        kind = random.choice(("string", "string", "integer", "boolean"))
        field: dict[str, Any] = {
            "class": random.choice((*CLASSES, "plain", "plain")),
            "type": kind,
            "title": hostile(random),
        }
        if kind != "boolean" and chance(random, 6):
            field["levels"] = some(random, TEXT_LEVELS if kind == "string" else LEVELS[5:7], most=4)
        fields[name] = field
    return {
        "title": hostile(random),
        "subject": random.choice(list(fields)),
        "contributor": random.choice(list(fields)),
        "contributors": _who(random, parties) if chance(random, 5) else "everyone",
        "fields": fields,
    }


def _field_set(random: Random, names: Sequence[str]) -> Any:
    kind = random.randrange(5)
    if kind == 0:
        return "all"
    if kind == 1:
        return {"classes": some(random, CLASSES, most=2)}
    return some(random, names, least=len(names) if kind == 2 else 1)


def _protect(random: Random) -> dict[str, Any]:
    keys = {
        "minimum_cell": random.choice((5, 11, 12)),
        "other_parties": random.choice((0, 3, 5)),
        "dominance": random.choice((0.5, 0.8, 1.0)),
        "k": random.choice((2, 5, 11, 12)),
    }
    return {key: keys[key] for key in some(random, list(keys), least=0)}


def _duty(random: Random, parties: Sequence[str]) -> dict[str, Any]:
    duty: dict[str, Any] = {
        "of": _who(random, parties),
        "action": random.choice(("acknowledge-purpose", "acknowledge-purpose", "submit-data")),
        "blocking": random.choice(("none", "others", "all")),
    }
    duty |= {"every": random.choice(PERIODS)} if chance(random, 8) else {"within": "P30D", "after": "release"}
    return duty | ({"grace": random.choice(PERIODS)} if chance(random, 6) else {})


def _clause(random: Random, id_: str, document: dict[str, Any], permits: Sequence[str]) -> dict[str, Any]:
    """One clause on the document's own parties, purposes, datasets and earlier permits."""
    parties = [p["id"] for p in document["parties"]]
    kind = random.choice(("permit", "permit", "permit", "permit", "prohibit", "prohibit", "consent", "duty"))
    data = random.choice(list(document["datasets"]))
    if kind == "duty":
        rule = _duty(random, parties)
    else:
        named = kind == "permit" or chance(random, 6)
        datasets = [document["datasets"][data]] if named else document["datasets"].values()
        names = sorted({f for d in datasets for f in d["fields"]})
        views = some(random, VIEWS, most=2)
        rule = {
            "to": _who(random, parties),
            "data": data if named else None,
            "rows": random.choice(("own", "others", "all", "all")),
            "from": _who(random, parties) if chance(random, 3) else None,
            "fields": _field_set(random, names),
            "view": random.choice(("identified", *VIEWS)) if kind == "permit" else views,
            "purpose": some(random, list(document["purposes"]), most=2),
        }
        if kind == "permit":
            rule["protect"] = _protect(random) if chance(random, 4) else None
            rule["review"] = (
                "contributors" if chance(random, 2) else _who(random, parties) if chance(random, 1) else None
            )
        else:
            for key in some(random, ["to", "rows", "fields", "view", "purpose"], least=0):
                rule[key] = None
            if kind == "prohibit" and permits and chance(random, 7):
                rule["except"] = some(random, permits, most=3)
    clause: dict[str, Any] = {"id": id_, "title": hostile(random), "text": hostile(random)}
    clause[kind] = {key: value for key, value in rule.items() if value is not None}
    if chance(random, 3):
        first, last = sorted(random.choices(DAYS, k=2))
        clause["valid"] = random.choice(({"from": first}, {"until": last}, {"from": first, "until": last}))
    return clause


def made_document(random: Random, id_: str, version: int, clauses: Sequence[Random]) -> Mou:
    """One document, with a clause for each of the `clauses`."""
    effective, expires = sorted((random.choice(DAYS[:12]), random.choice(DAYS)))
    if chance(random, 6):
        effective, expires = random.choice(DAYS[:5]), random.choice(DAYS[-5:])
    names = some(random, PARTIES, least=2)
    document: dict[str, Any] = {
        "accordant": 1,
        "id": id_,
        "version": version,
        "title": hostile(random),
        "preamble": hostile(random),
        "timezone": random.choice(ZONES),
        "effective": effective,
        "expires": expires,
        "parties": [
            {"id": name, "name": hostile(random), "role": "partner" if chance(random, 6) else random.choice(ROLES)}
            for name in names
        ],
        "signing": {"required": "everyone"},
        "purposes": _purposes(random),
    }
    if chance(random, 6):
        document["withdrawal"] = {"data": "delete", "ends": random.choice(("party", "all"))}
    datasets = ["d", *some(random, DATASETS[1:], least=0, most=1)] if chance(random, 9) else ["d-1"]
    document["datasets"] = {name: _dataset(random, names) for name in datasets}
    permits: list[str] = []
    made: list[dict[str, Any]] = []
    ids = random.sample(CLAUSE_IDS, len(clauses))
    for clause_id, own in zip(ids, clauses, strict=True):
        made.append(_clause(own, clause_id, document, permits))
        if "permit" in made[-1]:
            permits.append(clause_id)
    # A prohibition may stand before the permits that it excepts.
    random.shuffle(made)
    return Mou.model_validate(document | {"clauses": made})
