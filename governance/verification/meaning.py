"""What each kind of fault means, in a sentence for people who know the law: the log's own, and its entries' claims."""

from __future__ import annotations

from audit import meaning as of_the_log

__all__ = ["MEANING", "meaning"]

_NOT_PROVEN = "That this party asked for the data, for this purpose, is not proven by its own signature."
_UNFOUNDED = "Data was let out without a valid agreement behind it: the decision has no basis in what was signed."
_UNCOUNTED = "A signed statement does not count: {why}; whatever was done on the strength of it has no basis."
_UNACCOUNTED = "What left, to whom and on what request is not established for this disclosure."
_TABLE = (
    "The consents by which requests are answered are not those that were recorded; answers since then may have gone "
    "against the word of a client."
)

_WHY = {
    "approved-before-enrolment": "a key was approved before anybody had asked for it",
    "approves-itself": "a key was approved by its own holder alone",
    "before-proposal": "it stands before the text that it is about was proposed",
    "declined-too-late": "a party declined when all had signed already",
    "document-differs": "the document that lies there is not the one that was proposed",
    "document-unreadable": "the document that it is about can't be read as an agreement",
    "enrolment-differs": "the key that was approved is not the one that was asked for",
    "entry-broken": "its record was altered, or has not the form of such a statement",
    "key-compromised": "it was signed with a key that was in the wrong hands by then",
    "key-not-approved": "it was signed with a key that nobody entitled had approved",
    "key-of-another": "it was signed with the key of another party",
    "key-revoked": "it was signed with a key that had been revoked",
    "key-unknown": "whose key signed it is not known",
    "may-not-approve": "who approved it was not entitled to",
    "may-not-revoke": "who revoked the key was not entitled to",
    "no-enrolment": "the key that it approves was never asked for",
    "no-opening": "the signing was never opened by the service",
    "no-proposal": "the text that it is about was never proposed",
    "no-such-restore": "there was no such restore of the log",
    "no-such-duty": "the party owed no such thing",
    "nonce-differs": "it does not answer the signing that the service opened",
    "not-a-party": "who signed is no party to the agreement",
    "not-a-signatory": "the key that signed it may not sign agreements",
    "not-an-administrator": "the key that signed it is not an administrator's",
    "not-signed-yet": "the agreement had not been signed by all who must",
    "offer-lapsed": "the time for signing had run out",
    "opening-expired": "the signing had been opened more than a day before",
    "opening-of-another": "the signing was opened for somebody else, or another text",
    "opening-used": "the signing had been used for another statement already",
    "out-of-turn": "others had to sign before",
    "policy-differs": "the rules that were signed are not those that the text makes now",
    "proposed-twice": "the same version had been proposed before",
    "root-is-pinned": "the first administrator's key can't be revoked by a statement",
    "signature-wrong": "its signature is not genuine",
    "stated-twice": "it is a copy of a statement that was made before",
    "text-differs": "the text that was signed is not the text that lies there",
    "time-differs": "it bears another time than its place in the log",
}

MEANING = {code: _UNCOUNTED.format(why=why) for code, why in _WHY.items()} | {
    "call-differs": "The record of the request carries another number than the declaration that was signed, so that "
    "what was done on it can't be tied to what was asked.",
    "clause-missing": _UNFOUNDED,
    "clause-text-differs": "The permission was recorded as resting on a clause with other words than the parties "
    "signed.",
    "clause-unknown": _UNFOUNDED,
    "consents-differ": _TABLE,
    "consents-surplus": _TABLE,
    "declaration-key": _NOT_PROVEN,
    "declaration-missing": _NOT_PROVEN,
    "declaration-signature": _NOT_PROVEN,
    "disclosure-implausible": _UNACCOUNTED,
    "evidence-incomplete": "A file was handed out as the whole record of an agreement, and something that was signed "
    "about it is not in it: whoever goes by that file alone is misled.",
    "hold-unordered": "A hold was recorded, or released, that nobody who may had ordered.",
    "mou-not-in-force": "Data was let out under an agreement, or a version of one, that was not in force at that time.",
    "mou-not-signed": "Data was let out under an agreement that not all who must had validly signed at that time.",
    "no-request": _UNACCOUNTED,
    "nonce-twice": "One signed request was answered twice: the second answer was asked for by nobody, and may have "
    "gone to somebody who had copied it.",
    "order-of-another-log": "An order that was given for another register was carried out in this one: nobody had "
    "ordered it here.",
    "order-replayed": "An order that had been carried out was used a second time: the second time nobody had ordered "
    "it.",
    "party-differs": "The record names another organisation than the one whose key signed the request.",
    "party-withdrawn": "Data was let out to or under the membership of a party whose withdrawal had taken effect.",
    "release-implausible": _UNACCOUNTED,
    "release-twice": "The same answer was accounted for more than once: how much data left can't be established.",
    "request-differs": "The request that was decided is not the one that the party had declared and signed.",
    "revision-differs": "The rules that were recorded as agreed are not those that the signed documents make.",
    "revision-superseded": "The request was decided by rules that the parties had replaced by then.",
    "revision-unknown": _UNFOUNDED,
    "rows-changed": "The data that lies there is not the data that the party handed in; figures made from it are not "
    "the party's.",
}


def meaning(code: str) -> str:
    """What a fault of this kind means."""
    return MEANING.get(code) or of_the_log.meaning(code)
