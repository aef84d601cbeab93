"""The consent file: CSV with a header, a record a row, every fault with its line.

    subject,recipient,purpose,dataset,fields,status,from,until,evidence

`recipient`, `dataset` and `fields` may be `*` or empty: any. `fields` are separated by spaces or `|`; `status` is
`given` or `withdrawn`; `from` and `until` are days, both inclusive. A column `contributor`, where there is one, must
name the party whose key brings the file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from governance.errors import DocumentWrong, Fault
from governance.model.consent import ConsentRecord
from governance.model.mou import Mou

__all__ = ["COLUMNS", "parse"]

COLUMNS = ("subject", "recipient", "purpose", "dataset", "fields", "status", "from", "until", "evidence")
_NEEDED = ("subject", "purpose", "status")
_FILE = "<consents>"
_MOST_FAULTS = 100


class _Known:
    """What the party's MOUs know: a name that none of them does is a typing mistake."""

    def __init__(self, documents: Sequence[Mou]) -> None:
        self.recipient = {p.id for m in documents for p in m.parties} | {"*"}
        self.purpose = {p for m in documents for p in m.purposes}
        self.dataset = {d for m in documents for d in m.datasets} | {"*"}
        self.fields = {f for m in documents for d in m.datasets.values() for f in d.fields} | {"*"}

    def faults(self, record: ConsentRecord) -> Iterator[tuple[str, str]]:
        for column in ("recipient", "purpose", "dataset"):
            value = getattr(record, column)
            if value not in getattr(self, column):
                yield column, f"`{value}` is no {column} of an MOU of this party"
        for name in record.fields:
            if name not in self.fields:
                yield "fields", f"`{name}` is no field of an MOU of this party"
        if record.from_ and record.until and record.from_ > record.until:
            yield "until", f"ends on {record.until}, before it starts on {record.from_}"


def _header(reader: Any) -> list[str]:
    header = [h.strip().lower() for h in next(reader, [])]
    faults = [Fault(f"the column `{c}` is missing", file=_FILE, line=1) for c in _NEEDED if c not in header]
    faults += [
        Fault(f"the column `{c}` is not known", file=_FILE, line=1, expected=", ".join(COLUMNS))
        for c in header
        if c not in (*COLUMNS, "contributor")
    ]
    if len(set(header)) != len(header):
        faults.append(Fault("a column stands twice", file=_FILE, line=1))
    if faults:
        raise DocumentWrong(faults)
    return header


def _values(cells: dict[str, str], contributor: str) -> dict[str, Any]:
    fields = cells.get("fields", "").replace("|", " ").split()
    values: dict[str, Any] = {
        "contributor": cells.get("contributor") or contributor,
        "subject": cells["subject"],
        "recipient": cells.get("recipient") or "*",
        "purpose": cells["purpose"],
        "dataset": cells.get("dataset") or "*",
        "fields": tuple(fields) or ("*",),
        "status": cells["status"].lower(),
        "evidence": cells.get("evidence", ""),
    }
    return values | {k: cells[k] for k in ("from", "until") if cells.get(k)}


def parse(content: bytes, *, contributor: str, documents: Sequence[Mou]) -> list[ConsentRecord]:
    """The records, in order. Raises DocumentWrong."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentWrong([Fault("not text in UTF-8", file=_FILE)]) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[ConsentRecord] = []
    faults: list[Fault] = []
    known = _Known(documents)
    try:
        header = _header(reader)
        for row in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                faults.append(Fault(f"{len(row)} cells in a table of {len(header)} columns", file=_FILE, line=line))
                continue
            cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
            if cells.get("contributor") not in (None, "", contributor):
                faults.append(Fault(f"names `{cells['contributor']}`, not `{contributor}`", file=_FILE, line=line))
                continue
            try:
                record = ConsentRecord.model_validate(_values(cells, contributor))
            except ValidationError as error:
                for item in error.errors(include_url=False):
                    place = ".".join(str(p) for p in item["loc"])
                    message = item["msg"].removeprefix("Value error, ")
                    faults.append(Fault(f"{place}: {message[:1].lower()}{message[1:]}", file=_FILE, line=line))
                continue
            faults += [Fault(f"{c}: {m}", file=_FILE, line=line) for c, m in known.faults(record)]
            records.append(record)
            if len(faults) >= _MOST_FAULTS:
                break
    except csv.Error as error:
        faults.append(Fault(f"not CSV: {error}", file=_FILE, line=reader.line_num))
    if not records and not faults:
        faults.append(Fault("no record in the file", file=_FILE))
    if faults:
        raise DocumentWrong(faults[:_MOST_FAULTS])
    return records
