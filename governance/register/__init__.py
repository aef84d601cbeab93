"""What the log says about keys and agreements. No I/O, no clock, no randomness; nothing unsigned is believed."""

from governance.register.fold import FACT_KINDS, KINDS, Register
from governance.register.keyring import ADMINISTRATOR, CONNECTOR, SIGNATORY, EnrolledKey, Enrolment, Keyring
from governance.register.records import Activation, Broken, Continuation, Failure, Opening, Place, Proposal, Signed
from governance.register.signings import Life, VersionState

__all__ = [
    "ADMINISTRATOR",
    "CONNECTOR",
    "FACT_KINDS",
    "KINDS",
    "SIGNATORY",
    "Activation",
    "Broken",
    "Continuation",
    "EnrolledKey",
    "Enrolment",
    "Failure",
    "Keyring",
    "Life",
    "Opening",
    "Place",
    "Proposal",
    "Register",
    "Signed",
    "VersionState",
]
