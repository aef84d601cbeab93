"""The policy engine in process: `regopy` (rego-cpp), one compiled bundle for each dataset, made when first asked.

Its cost grows with the size of a bundle, so a dataset's bundle holds the library, the catalogue and that dataset's own
modules and data, nothing else. Built-in errors are errors here, never undefined.

`regopy` has no time-out and one interpreter serves one thread: workers, each a thread with interpreters of its own, are
lent to whoever asks, and one that is late is not waited for: it is dropped from the pool and ends when its evaluation
does, while the next question makes a new one.
"""

from __future__ import annotations

import json
import queue
import threading
from typing import TYPE_CHECKING, Any

from regopy import Bundle as CompiledBundle
from regopy import Input, Interpreter, RegoError
from regopy.rego_shared import rego_output_ok, rego_output_string

from governance.adapters.answer import ENTRYPOINT, decision, engine_input
from governance.errors import EngineUnavailable
from governance.model.access import Decision, Facts, Request

if TYPE_CHECKING:
    from governance.ports import Bundle

__all__ = ["RegoEngine"]
