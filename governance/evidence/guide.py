"""`VERIFY.md`: for the person who opens the file. Every line that stands in a block can be typed as it is."""

from __future__ import annotations

from collections.abc import Iterable
from pkgutil import get_data

__all__ = ["guide"]


def guide(mou_id: str, fingerprints: Iterable[str]) -> bytes:
    """The text for one file."""
    text = get_data("governance.evidence", "VERIFY.md")
    if text is None:
        raise FileNotFoundError("VERIFY.md")  # a broken installation
    expected = ",".join(dict.fromkeys(fingerprints))
    return text.replace(b"@MOU@", mou_id.encode()).replace(b"@EXPECT@", expected.encode())
