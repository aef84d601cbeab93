"""Rotation of the wrapping key: every data key is wrapped anew, five hundred a transaction, and no entry is touched.

Each key names what wrapped it, so that a rotation that broke off is gone on with. It begins only where every key is
wrapped by one of the two.
"""

from __future__ import annotations

from collections.abc import Callable

import audit
from audit.erasure import clean
from audit.keys import wrapped_by
from governance.adapters.store.database import open_database
from governance.errors import InputWrong, LogUnavailable
from governance.settings import Settings
from governance.wrapping import open_keys, wrapping_key

__all__ = ["rewrapped"]


def rewrapped(settings: Settings, old: str, *, progress: Callable[[int, int], None] | None = None) -> int:
    """How many keys were wrapped anew. Raises InputWrong where neither key wrapped one of them."""
    new, before = wrapping_key(settings), wrapping_key(settings, old)
    if new.id == before.id:
        detail = "the old key is the one of the settings; name the new one there (wrapping_key) and the old one here"
        raise InputWrong(detail, reason="wrapping-key-same", field="--from")
    total = _wrapped_by_the_old(settings, {new.id, before.id}, before.id)
    keys = open_keys(settings, older=[before])
    try:
        done = keys.rewrap(progress=(lambda n: progress(n, total)) if progress is not None else None)
        clean(keys.engine)
        return done
    except audit.LogError as error:
        raise LogUnavailable(str(error), reason="keys-unavailable") from error
    finally:
        keys.close()


def _wrapped_by_the_old(settings: Settings, known: set[str], old: str) -> int:
    engine = open_database(settings.keys_url)
    try:
        count = wrapped_by(engine)
    except audit.LogError as error:
        raise LogUnavailable(str(error), reason="keys-unavailable") from error
    finally:
        engine.dispose()
    strange = sorted(set(count) - known)
    if strange:
        number = sum(count[kek] for kek in strange)
        detail = f"{number} data keys are wrapped by `{strange[0]}`, which is neither this key nor that of the settings"
        raise InputWrong(detail, reason="wrapping-key-wrong", field="--from")
    return count.get(old, 0)
