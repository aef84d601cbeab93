"""The audit log. Imports nothing else of Accordant's, and neither Flask nor pydantic: an auditor can take it alone.

It may not know what an entry is about: the kinds, the bodies and who may read them are the writer's. It never
updates or deletes an entry, and offers nothing that could; content can be forgotten (`audit.erasure`), and an entry
says so.
"""

from __future__ import annotations

from audit.details import Details
from audit.entry import Draft, Entry, Part
from audit.errors import (
    DraftWrong,
    KeysUnavailable,
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
from audit.keys import KeyStore
from audit.log import Log
from audit.note import NoteSigner, NoteVerifier
from audit.verify import Fault, Report, verify
from audit.wrapping import WrappingKey

__all__ = [
    "Details",
    "Draft",
    "DraftWrong",
    "Entry",
    "Fault",
    "Head",
    "KeyStore",
    "KeysUnavailable",
    "Log",
    "LogError",
    "LogExists",
    "LogMissing",
    "LogUnavailable",
    "NotCanonical",
    "NoteSigner",
    "NoteVerifier",
    "NoteWrong",
    "Part",
    "Report",
    "Tampered",
    "WrappingKey",
    "WrongCheckpoint",
    "verify",
]
