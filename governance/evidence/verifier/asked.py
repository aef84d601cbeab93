"""What whoever runs the script expects, and what is left to ask where everything holds.

Whose keys these are, that the log's key is the one that the partners remember, and that the first administrator is
theirs: of each the file is its own witness until somebody says it from elsewhere.
"""

from __future__ import annotations

import re

from governance.evidence.verifier.notes import parsed_vkey

__all__ = ["FINGERPRINT", "Asked"]

FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9_-]{43}")
_ASK = "signed by these keys; whose they are you must ask"
_HOLDS = "every signature holds, and every key is one that you expect"


class Asked:
    """The options, read."""

    def __init__(self, words: list[str]) -> None:
        """Raises ValueError."""
        self.keys: set[str] = set()
        self.vkeys: list[str] = []
        self.witnesses: list[str] = []
        self.administrator = ""
        self.named = False
        for option, value in zip(words[::2], words[1::2]):
            parts = [part for part in re.split(r"[\s,]+", value) if part]
            if option in ("--expect", "--administrator"):
                wrong = [p for p in parts if FINGERPRINT.fullmatch(p) is None]
                if wrong or not parts:
                    raise ValueError(f"`{' '.join(wrong)}` is no fingerprint, such as SHA256:… with 43 characters")
                if option == "--expect":
                    self.named = True
                    self.keys.update(parts)
                elif {self.administrator or parts[0]} != set(parts):
                    raise ValueError("--administrator takes one fingerprint")
                else:
                    self.administrator = parts[0]
            elif [value] != parts or parsed_vkey(value)[2] != (1 if option == "--log-key" else 4):
                raise ValueError(f"`{value}` is not a verifier key for {option}")
            else:
                (self.vkeys if option == "--log-key" else self.witnesses).append(value)

    def outcome(self, root: str, vkey: str) -> str:
        """The last line where everything holds: without reserve only where nothing rests on the file's own word."""
        if not self.named:
            return _ASK
        left = []
        if not self.vkeys:
            left.append(f"that nothing is missing rests on the log key {vkey}, which you must ask")
        if not self.administrator:
            left.append(f"the administrator's key is {root}, which you must ask")
        return f"{_HOLDS}; {'; '.join(left)}" if left else f"verified: {_HOLDS}"
