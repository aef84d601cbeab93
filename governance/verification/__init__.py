"""What the log claims, checked again from stored bytes: `audit` proves that nothing was changed; this, that it is true.

    signatures     every statement about keys and agreements verifies under a key that stood at its place
    declarations   each recorded declaration verifies from its stored base under a key that stood then
    permits        each rests on policies, agreements and clauses that counted by the signatures before it
    nonces         each counts once
    releases       each release and disclosure belongs to a request before it that was permitted
    erasures       each was ordered by somebody who may, or is retention's; none takes away what is kept for ever
    consents       the table that requests are joined with holds the records of the log's entries, and no others
    files          the rows that were loaded last are those that lie in the home

Part of `bootstrap`: it opens a home's database read-only in effect, and needs no server.
"""

from governance.verification.whole import Finding, Findings, verify_home

__all__ = ["Finding", "Findings", "verify_home"]
