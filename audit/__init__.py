"""The audit log. Imports nothing else of Accordant's, and neither Flask nor pydantic: an auditor can take it alone.

It may not know what an entry is about: the kinds, the bodies and who may read them are the writer's. It never
updates or deletes an entry, and offers nothing that could.
"""

from __future__ import annotations

from audit.entry import Draft, Entry
from audit.errors import (
    DraftWrong,
    LogError,
    LogExists,
    LogMissing,
    LogUnavailable,
    NotCanonical,
    NoteWrong,
    Tampered,
    WrongCheckpoint,
)
from audit.head import Head
from audit.log import Log
from audit.note import NoteSigner, NoteVerifier
from audit.verify import Fault, Report, verify

__all__ = [
    "Draft",
    "DraftWrong",
    "Entry",
    "Fault",
    "Head",
    "Log",
    "LogError",
    "LogExists",
    "LogMissing",
    "LogUnavailable",
    "NotCanonical",
    "NoteSigner",
    "NoteVerifier",
    "NoteWrong",
    "Report",
    "Tampered",
    "WrongCheckpoint",
    "verify",
]
