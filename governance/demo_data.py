"""Synthetic clients for `accordant demo`: nobody real, nobody named; the same seed gives the same files.

Seven organisations of different sizes, about 12,000 clients between them, a row a client, programme and quarter. The
columns carry the names that a case-management system might give them, so that a mapping has something to map.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["COLUMNS", "QUARTERS", "SIZES", "consent_file", "partner_file"]

# Clients a partner; together 12,013.
SIZES = {
    "northside": 2931,
    "riverbend": 2212,
    "lakeview": 1874,
    "hillcrest": 1700,
    "westgate": 1391,
    "eastbrook": 1103,
    "southport": 802,
}
QUARTERS = ("2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3")
COLUMNS = (
    "ClientNo", "Name", "BirthDate", "Zip", "HomeLanguage", "Agency", "Site", "Programme", "Quarter", "DaysAttended",
    "Completed", "Grade",
)  # fmt: skip
_LANGUAGES = (("English", 46), ("Spanish", 34), ("Polish", 9), ("Cantonese", 5), ("other", 6))
_PROGRAMMES = (("early-childhood", 52), ("adult-learning", 40), ("youth", 8))
_SEED = 20260901


def _choose(rng: random.Random, weighed: Sequence[tuple[str, int]]) -> str:
    return rng.choices([w for w, _ in weighed], [n for _, n in weighed])[0]


def _rows(partner: str) -> Iterator[tuple[str, ...]]:
    rng = random.Random(f"{_SEED}-{partner}")  # noqa: S311 — synthetic data, no secret hangs on it
    skill = rng.uniform(0.55, 0.8)
    for number in range(1, SIZES[partner] + 1):
        programme = _choose(rng, _PROGRAMMES)
        age = {"early-childhood": (3, 5), "adult-learning": (19, 64), "youth": (12, 17)}[programme]
        born = dt.date(2026, 1, 1) - dt.timedelta(days=rng.randint(age[0] * 365, age[1] * 365 + 364))
        zip_code = f"606{rng.randint(1, 59):02d}"
        language = _choose(rng, _LANGUAGES)
        site = f"{partner} {rng.choice(('main', 'annex', 'park'))}"
        first = rng.randrange(len(QUARTERS))
        for quarter in QUARTERS[first : first + rng.randint(1, 3)]:
            days = min(62, max(0, int(rng.gauss(36, 13))))
            completed = rng.random() < skill * (0.5 + days / 72)
            grade = str(min(100, max(20, int(rng.gauss(58 + days / 2, 12))))) if rng.random() > 0.04 else ""
            yield (
                str(1000 + number), f"client {1000 + number}", born.isoformat(), zip_code, language, partner, site,
                programme, quarter, str(days), "yes" if completed else "no", grade,
            )  # fmt: skip


def partner_file(folder: Path, partner: str) -> Path:
    """Writes a partner's CSV file; its path."""
    path = folder / f"{partner}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(partner))
    return path


def consent_file(folder: Path, partner: str, *, share: float = 0.8) -> Path:
    """Writes a partner's consents to the use of grades: of about `share` of its clients."""
    rng = random.Random(f"{_SEED}-consent-{partner}")  # noqa: S311 — synthetic data, no secret hangs on it
    path = folder / f"{partner}-consents.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("subject", "recipient", "purpose", "dataset", "fields", "status", "from", "until", "evidence"))
        for number in range(1, SIZES[partner] + 1):
            if rng.random() < share:
                writer.writerow(
                    (1000 + number, "*", "program-improvement", "enrollments", "grade", "given", "", "",
                     "signed form, kept by the partner")
                )  # fmt: skip
    return path
