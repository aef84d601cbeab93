"""Writes the golden files of the language again: `python scripts/golden.py`. Read the difference before you keep it.

`tests/compiler/good/*.mou.yaml` become `.txt` (what is signed), `tests/compiler/bad/*.mou.yaml` become `.faults`.
"""

from __future__ import annotations

from pathlib import Path

from governance.compiler.from_yaml import read
from governance.compiler.to_text import to_text
from governance.errors import DocumentWrong

__all__ = ["BAD", "GOOD", "expected_faults", "expected_text"]

_HERE = Path(__file__).resolve().parents[1] / "tests" / "compiler"
GOOD = sorted((_HERE / "good").glob("*.mou.yaml"))
BAD = sorted((_HERE / "bad").glob("*.mou.yaml"))


def expected_text(document: Path) -> str:
    """The text of a good document, after what there is to warn of."""
    reading = read(document.read_bytes(), file=document.name)
    warnings = "".join(f"{fault}\n" for fault in reading.faults)
    return warnings + to_text(reading.mou)


def expected_faults(document: Path) -> str:
    """Everything that is said of a bad document."""
    try:
        read(document.read_bytes(), file=document.name)
    except DocumentWrong as error:
        return "".join(f"{fault}\n" for fault in error.faults)
    return "nothing is wrong\n"


def main() -> None:
    """Every golden file, from its document."""
    for document in GOOD:
        document.with_name(document.name.replace(".mou.yaml", ".txt")).write_text(expected_text(document))
    for document in BAD:
        document.with_name(document.name.replace(".mou.yaml", ".faults")).write_text(expected_faults(document))


if __name__ == "__main__":
    main()
