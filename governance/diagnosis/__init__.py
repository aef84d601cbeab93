"""What is wrong with a home, and how to mend it: looks, and changes nothing. Part of `bootstrap`."""

from __future__ import annotations

from governance.diagnosis.finding import Finding
from governance.diagnosis.parts import diagnose

__all__ = ["Finding", "diagnose"]
