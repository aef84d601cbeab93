"""A row of the tamper table: what somebody does, what it takes, who notices, and what is said then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["DATABASE", "FILES", "KEYS", "LOG_KEY", "POWERS", "SERVICE", "WITNESS_KEY", "Row", "Who"]

DATABASE, FILES, KEYS = "database", "files", "data keys"
LOG_KEY, WITNESS_KEY, SERVICE = "log's key", "witness's key", "service"
POWERS = {
    DATABASE: "full write access to the log's database, its triggers dropped",
    FILES: "full write access to the files: an export, the rows, what a witness signed",
    KEYS: "the key store and the wrapping key, so that content can be read, and encrypted anew",
    LOG_KEY: "the private key that signs the log's checkpoints",
    WITNESS_KEY: "the private key of a partner that cosigns",
    SERVICE: "the running service itself: it signs and records what one wants",
}

# verify: `accordant audit verify` alone. remembered: only with a checkpoint that somebody kept. witness: only by asking
# a witness, or by the cosignatures that a policy demands. open: by nothing here.
Who = Literal["verify", "remembered", "witness", "open"]


@dataclass(frozen=True)
class Row:
    """`does` is given a scene of its own. `says` stands in the message, and `also` are codes that must come with it.

    `looks` finds what is wrong, as pairs of code and message, where that is another look than at the scene's database.
    `refused`: a start of the log refuses, too.
    """

    name: str
    does: Callable[[Any], None]
    takes: tuple[str, ...]
    code: str
    says: str
    who: Who = "verify"
    also: tuple[str, ...] = ()
    looks: Callable[[Any], Sequence[tuple[str, str]]] | None = None
    refused: bool = False
