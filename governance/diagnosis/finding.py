"""What a look at one part found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "counted"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` says what to do, unless all is well; `unavailable`: the part does not answer at all."""

    part: str
    state: Literal["ok", "warning", "wrong"]
    detail: str
    mend: str = ""
    unavailable: bool = False


def counted(number: int, one: str, many: str) -> str:
    """`1 entry`, `2 entries`."""
    return f"{number} {one if number == 1 else many}"
