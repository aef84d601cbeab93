"""Draws the layers for the README from the import contract that holds them, so that the picture can't grow old.

`python -m scripts.picture` writes the block between the two markers anew; `tests/test_layers.py` fails while the README
shows another one, and while a layer has no words here.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

__all__ = ["contracts", "drawn", "layers", "picture"]

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- layers: written by `python -m scripts.picture` from the import contracts -->"
END = "<!-- /layers -->"
WIDTH = 112
NAMES = 47

# what each layer is for, by its first member in the contract
WORDS = {
    "cli": "the commands' one door: errors become exit codes",
    "commands": "words in, words out; they decide nothing",
    "serve": "a home becomes a listening server",
    "bootstrap": "where everything is put together",
    "web": "the edge: HTTP, OPA, databases",
    "settings": "from the home's file and the environment",
    "agreements": "use cases: one call, one transaction",
    "enrolled": "a source, as its entries make it",
    "ports": "what the use cases need of the outside",
    "compiler": "pure: no I/O, no clock, no randomness",
    "model": "frozen values",
    "errors": "everything that can go wrong, as one tree",
}
BESIDE = [
    ("connectors", "client.py signs and requests; sources/ read rows, and only for a governed query"),
    ("audit", "the append-only log; imports nothing of the rest, so that an auditor can take it alone"),
    ("policies", "hand-written Rego, beside the rules that are compiled from the clauses"),
]


def contracts() -> list[dict[str, Any]]:
    """The import contracts of `pyproject.toml`."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return list(told["tool"]["importlinter"]["contracts"])


def layers() -> list[list[str]]:
    """The layers, outermost first, each with its members."""
    lines = next(contract["layers"] for contract in contracts() if contract["id"] == "layers")
    return [re.findall(r"\w+", line) for line in lines]


def _exists(module: Path) -> bool:
    return module.is_dir() or module.with_suffix(".py").is_file()


def picture() -> str:
    """The layers as boxes: an import goes down, never up."""
    rule = "─" * (WIDTH - 2)
    rows = [f"┌{rule}┐"]
    for members in layers():
        here = [name for name in members if _exists(ROOT / "governance" / name)]  # some are to come
        if len(rows) > 1:
            rows.append(f"├{'─' * 4}▼{rule[5:]}┤")
        for row, names in enumerate(_wrapped(here)):
            words = WORDS[members[0]] if row == 0 else ""
            rows.append(f"│ {names:<{NAMES}} {words:<{WIDTH - NAMES - 5}} │")
    rows.append(f"└{rule}┘")
    rows += [f"  {name:<11} {words}" for name, words in BESIDE]
    return "\n".join(rows)


def _wrapped(members: list[str]) -> list[str]:
    lines = [""]
    for member in members:
        if len(lines[-1]) + len(member) + 3 > NAMES:
            lines.append("")
        lines[-1] += f"{' · ' if lines[-1] else ''}{member}"
    return lines


def drawn(readme: str) -> str:
    """The picture that a README shows."""
    return readme.partition(BEGIN)[2].partition(END)[0].strip().removeprefix("```text\n").removesuffix("\n```")


if __name__ == "__main__":
    place = ROOT / "README.md"
    before, _, rest = place.read_text().partition(BEGIN)
    place.write_text(f"{before}{BEGIN}\n\n```text\n{picture()}\n```\n\n{END}{rest.partition(END)[2]}")
