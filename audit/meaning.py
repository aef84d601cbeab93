"""What each kind of fault means, in a sentence for people who know the law and not the format.

Besides the sentence that names the place (`audit.report.Fault`), which says what was found there.
"""

from __future__ import annotations

__all__ = ["MEANING", "meaning"]

_ALTERED = (
    "Somebody with access to the database altered what was recorded; the record as it stands proves nothing here."
)
_KEY = "Nobody who can be held to it vouches for these records: as they are shown, they are not evidence."
_TWO_HISTORIES = (
    "The holder of the log's key has vouched for two histories that contradict each other; at least one is false."
)
_DERIVED = (
    "An aid for proofs and searches, which can be made again, was altered; no record is lost, but what was shown by it "
    "until now may have been wrong or incomplete."
)
_GONE = "Records that were made and vouched for are no longer there; what they said can't be established from this log."
_UNREADABLE = "This file or record is damaged and can't be read; whatever it said is not established."
_ADDED = "A record was put in without the log's key having vouched for it: it is to be treated as never recorded."

MEANING = {
    "before-unknown": "The newer records can't be joined to the older ones, so that their order is not established.",
    "bodies-malformed": _UNREADABLE,
    "body-changed": "The content was altered after it was recorded: that an entry was made, and when, still stands; "
    "what it said does not.",
    "body-malformed": "The content was not written by the service in its one form, so that two readers might read two "
    "things; it is not to be relied on.",
    "body-missing": "The content was taken away: that an entry was made, and when, still stands; what it said can't be "
    "established.",
    "body-order": "The file of contents was put together by another hand than the service's; a content stands twice or "
    "in the wrong place.",
    "body-swapped": "The contents of two records were exchanged: each now appears to say what the other said.",
    "bundle-malformed": _UNREADABLE,
    "chain-broken": "A record was slipped in or rewritten between two others; the order of events at this place is not "
    "established.",
    "checkpoint-key": _KEY,
    "checkpoint-malformed": _KEY,
    "checkpoint-origin": "These are the records of another log than the one that you asked about.",
    "checkpoint-signature": _KEY,
    "cosignature-wrong": "A witness's signature that is kept with the log is not genuine, or is of something else; it "
    "supports nothing.",
    "entries-lost": _GONE,
    "erased-returned": "What was erased is there again, from a copy that should not exist: the erasure was not carried "
    "through.",
    "erasure-malformed": "An order to erase does not say what it erases; nothing was lawfully erased under it.",
    "erasure-unordered": "Something is passed off as erased on an order that ordered no such thing: it was made to "
    "disappear.",
    "forked": _TWO_HISTORIES,
    "head-differs": "What the log says of its own end contradicts what its key vouched for; somebody has altered it.",
    "head-missing": _KEY,
    "history-differs": _TWO_HISTORIES,
    "index-differs": _DERIVED,
    "key-changed": "The key to encrypted contents is not the one that was kept, or does not open: what lies under it "
    "can't be read, though nobody ordered its erasure.",
    "key-missing": "The key to a content is gone without an order to erase it: the content was made unreadable.",
    "key-returned": "A key that was to be destroyed is there again: what was erased under it can be read once more.",
    "leaf-changed": _ALTERED,
    "leaf-malformed": _ALTERED,
    "log-key-hidden": "The log's key was changed, and the folder does not show to which: what came later is open.",
    "log-key-root": _TWO_HISTORIES,
    "log-key-unrecorded": "A change of the log's key is claimed that the log does not record; the key is nobody's.",
    "log-key-unsigned": "A new key was put in the place of the log's, and the old one had not vouched for it; it is "
    "nobody's.",
    "missing": _GONE,
    "other-key": "The log is shown under another key than before: whether it is the same log at all must be asked.",
    "origin-differs": "The folder is labelled as another log's than the one whose key it carries.",
    "part-changed": "What the record says of a single client was altered after it was recorded.",
    "part-missing": "What the record said of a single client was taken away without an order to erase it.",
    "part-surplus": "Words about a single client were put in that are no part of the record.",
    "policy-log": "The rules that you were given for whose word counts do not name this log; by them it is not "
    "believed.",
    "quorum-missing": "Fewer independent witnesses than required have confirmed these records: the log's operator "
    "alone vouches that nobody was shown others.",
    "receipt-differs": "The receipt is genuine and proves another record at this place than the one that is shown now; "
    "the record was altered after the receipt was given.",
    "receipt-wrong": "The receipt does not prove that anything was recorded.",
    "remembered-key": "The checkpoint that was kept is not this log's, so that nothing can be compared with it.",
    "renumbered": "Records were moved to other places than those they were made at; their order is not established.",
    "retired-key": "A key that had been retired vouched for something later: whoever had it then was not entitled to.",
    "rewound": "The log was put back to an older state: records that it once vouched for were removed.",
    "root-differs": "Taken together, these are not the records that the log's key vouched for; at least one was "
    "altered, removed or added.",
    "subject-missing": "Whom a record speaks of can't be told any more, though nobody ordered that to be forgotten.",
    "surplus": _ADDED,
    "surplus-body": "A content was put in that belongs to no record; it is evidence of nothing.",
    "surplus-file": "A file was put into the folder that belongs to no record; it is evidence of nothing.",
    "tile-differs": _DERIVED,
    "tile-missing": _DERIVED,
    "tile-surplus": _DERIVED,
    "time-back": "A record bears an earlier time than the one before it: it was dated back, or the clock was, and its "
    "time is not established.",
    "vkeys-malformed": _UNREADABLE,
    "vkey-differs": "The folder carries another key than the one that you know to be the log's; go by yours.",
}


def meaning(code: str) -> str:
    """What a fault of this kind means; for a kind that nobody knows, that it may not be passed over."""
    return MEANING.get(code, "What was recorded does not hold together here; it is not to be relied on as it stands.")
