"""Writes the golden files of the language again: `python scripts/golden.py`. Read the difference before you keep it.

`tests/compiler/good/*.mou.yaml` become `.txt` (what is signed) and `golden_rego/*.rego.txt` (what runs),
`tests/compiler/bad/*.mou.yaml` become `.faults`.
"""

from __future__ import annotations

from pathlib import Path

from governance.compiler.from_yaml import read
from governance.compiler.to_rego import to_rego
from governance.compiler.to_text import to_text
from governance.errors import DocumentWrong

__all__ = ["BAD", "GOOD", "REGO", "expected_faults", "expected_rego", "expected_text"]

_HERE = Path(__file__).resolve().parents[1] / "tests" / "compiler"
GOOD = sorted((_HERE / "good").glob("*.mou.yaml"))
REGO = _HERE / "golden_rego"
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


def expected_rego(document: Path) -> dict[str, str]:
    """The module of each dataset of a good document, by the file's name."""
    mou = read(document.read_bytes(), file=document.name).mou
    stem = document.name.removesuffix(".mou.yaml")
    return {f"{stem}.{dataset}.rego.txt": to_rego(mou, dataset, [mou]) for dataset in mou.datasets}


def main() -> None:
    """Every golden file, from its document."""
    REGO.mkdir(exist_ok=True)
    for document in GOOD:
        for name, module in expected_rego(document).items():
            (REGO / name).write_text(module)
        document.with_name(document.name.replace(".mou.yaml", ".txt")).write_text(expected_text(document))
    for document in BAD:
        document.with_name(document.name.replace(".mou.yaml", ".faults")).write_text(expected_faults(document))


if __name__ == "__main__":
    main()
