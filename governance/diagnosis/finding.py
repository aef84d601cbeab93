"""What a look at one part found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` says what to do, unless all is well; `unavailable`: the part does not answer at all."""

    part: str
    state: Literal["ok", "warning", "wrong"]
    detail: str
    mend: str = ""
    unavailable: bool = False
