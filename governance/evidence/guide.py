"""`VERIFY.md`: for the person who opens the file. Every line that stands in a block can be typed as it is."""

from __future__ import annotations

from collections.abc import Iterable
from pkgutil import get_data

__all__ = ["guide"]


def guide(mou_id: str, fingerprints: Iterable[str], *, root: str, vkey: str) -> bytes:
    """The text for one file. `root` is the first administrator's fingerprint, `vkey` the log's key."""
    text = get_data("governance.evidence", "VERIFY.md")
    if text is None:
        raise FileNotFoundError("VERIFY.md")  # a broken installation
    told = {"MOU": mou_id, "EXPECT": ",".join(dict.fromkeys([*fingerprints, root])), "ROOT": root, "LOGKEY": vkey}
    for name, value in told.items():
        text = text.replace(f"@{name}@".encode(), value.encode())
    return text
