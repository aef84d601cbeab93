"""Documents for the tests of the language: the golden ones, and the small one with something changed in it."""

from __future__ import annotations

from pathlib import Path

from governance.compiler.from_yaml import Reading, read
from governance.errors import DocumentWrong, Fault
from governance.model.mou import Mou

__all__ = ["EVERYTHING", "SMALL", "changed", "everything", "faults", "small"]

_HERE = Path(__file__).parent
SMALL = (_HERE / "good" / "small.mou.yaml").read_text()
EVERYTHING = (_HERE / "good" / "everything.mou.yaml").read_text()


def small() -> Mou:
    return read(SMALL.encode()).mou


def everything() -> Mou:
    return read(EVERYTHING.encode()).mou


def changed(*changes: tuple[str, str], document: str = SMALL) -> bytes:
    """The document with each first occurrence replaced; what is to be replaced must be there."""
    for before, after in changes:
        assert before in document, before
        document = document.replace(before, after, 1)
    return document.encode()


def faults(data: bytes) -> tuple[Fault, ...]:
    """All that is said of a document, good or bad."""
    try:
        reading: Reading = read(data)
    except DocumentWrong as error:
        return error.faults
    return reading.faults
