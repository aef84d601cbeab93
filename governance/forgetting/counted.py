"""Which orders were carried out: each counts once, at every gateway, before a restart and after it.

The log says so itself, for an order stands in its entry: no table could forget it, and a backup brings it along. What
is known of it is brought up to date before each order, and again in the transaction that carries it out, beside which
nobody writes.
"""

from __future__ import annotations

from governance.errors import Replayed
from governance.forgetting.orders import KINDS, Paper, signed_order
from governance.forgetting.standing import Standing

__all__ = ["Counted"]


class Counted:
    """For one thread at a time: whoever holds the lock of forgetting, or runs its transaction."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._under: dict[tuple[str, str], int] = {}  # by key and nonce: the first entry
        self._until = -1

    def require_new(self, paper: Paper) -> None:
        """Raises Replayed where the order, or another with its nonce, was carried out; LogUnavailable."""
        for entry in self._standing.orders(KINDS, after=self._until):
            found = signed_order(entry.body)
            if found is not None:
                said, _, fingerprint = found
                self._under.setdefault((fingerprint, said.nonce), entry.seq)
            self._until = entry.seq
        under = self._under.get((paper.fingerprint, paper.said.nonce))
        if under is not None:
            detail = f"this order was carried out under entry {under}; sign another to order it again"
            raise Replayed(detail, reason="order-replayed")
