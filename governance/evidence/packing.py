"""Files become a list of digests, and a ZIP whose bytes follow from the files alone: one order, one time, no owner."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping

__all__ = ["listing", "packed"]

_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP can say
_UNIX = 3


def listing(files: Mapping[str, bytes]) -> bytes:
    """`SHA256SUMS`: a line for each file, as `sha256sum -c` reads it, in the order of the names."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


def packed(files: Mapping[str, bytes]) -> bytes:
    """The ZIP. Scripts may be executed, everybody may read."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system = _UNIX
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
            archive.writestr(info, files[name])
    return target.getvalue()
