"""Forgetting: orders to erase a client, holds, retention by age, and who saw a client's data.

What is forgotten is what lies under a key that is destroyed (`audit.keys`): a client's `content` key opens the parts
and bodies of the log that name the client, and without its `disclosure` key the handles in the record of disclosures
are nobody's. An order is a signed statement (`signing.statement.Order`) that names the client by a digest whose salt is
kept nowhere; it is for one log, and counts once. What a party itself holds, its loaded rows and its own database, is
not the log's to forget.
"""

from governance.forgetting.accounts import Accounts
from governance.forgetting.counted import Counted
from governance.forgetting.erasing import Forgetting
from governance.forgetting.orders import ELSEWHERE, KINDS, RESTORED, order_fault, signed_order
from governance.forgetting.refused import REFUSED
from governance.forgetting.retention import Retention
from governance.forgetting.schedule import Schedule
from governance.forgetting.standing import Kept, Standing

__all__ = [
    "ELSEWHERE",
    "KINDS",
    "REFUSED",
    "RESTORED",
    "Accounts",
    "Counted",
    "Forgetting",
    "Kept",
    "Retention",
    "Schedule",
    "Standing",
    "order_fault",
    "signed_order",
]
