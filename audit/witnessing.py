"""One round of asking: the newest checkpoint to each witness of a policy, and what each of them said.

A witness that contradicts the log is an alarm only if the newest head contradicts it, too: another process may have
been quicker.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.cosigned import CosignatureStore
from audit.errors import LogError, ProofWrong, Tampered, WitnessRefused
from audit.policy import Policy, PolicyWitness
from audit.published import Published
from audit.witness import Post, submit

__all__ = ["Outcome", "Round", "ask"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one witness said: the time of its cosignature, or why there is none."""

    name: str
    seconds: int | None
    reason: str | None = None
    detail: str | None = None
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """What all of them said. `checkpoint` carries the cosignatures; `quorum`: whether the policy is content with it."""

    checkpoint: bytes
    outcomes: tuple[Outcome, ...]
    quorum: bool

    @property
    def alarms(self) -> tuple[Outcome, ...]:
        """Witnesses that saw another history."""
        return tuple(o for o in self.outcomes if o.alarm)


def ask(published: Published, store: CosignatureStore, policy: Policy, *, post: Post) -> Round:
    """Asks every witness that has an address, and keeps what they answer. Raises LogUnavailable, Tampered."""
    head = published.head()
    outcomes = tuple(_asked(published, store, witness, post) for witness in policy.witnesses if witness.url)
    note = store.on(head.checkpoint)
    return Round(note, outcomes, policy.content(note))


def _asked(published: Published, store: CosignatureStore, witness: PolicyWitness, post: Post) -> Outcome:
    name = witness.name.decode(errors="replace")
    try:
        return Outcome(name, _submitted(published, store, witness, post))
    except WitnessRefused as error:
        if error.alarm:
            try:  # once more, with whatever is the newest head on the disk by now
                published.caught_up()
                return Outcome(name, _submitted(published, store, witness, post))
            except WitnessRefused as again:
                error = again
        return Outcome(name, None, error.reason, str(error), error.alarm)
    except (Tampered, ProofWrong):
        raise
    except LogError as error:
        return Outcome(name, None, "failed", str(error))


def _submitted(published: Published, store: CosignatureStore, witness: PolicyWitness, post: Post) -> int:
    head = published.head()
    found = submit(
        head.checkpoint,
        url=witness.url or "",
        witness=witness.verifier,
        old=min(store.seen(witness.verifier), head.size),
        prove=lambda old: published.proof_from(old, head=head),
        post=post,
    )
    store.keep(head.checkpoint, found)
    return found.seconds
