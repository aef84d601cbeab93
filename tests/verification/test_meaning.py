"""Every kind of fault that `accordant audit verify` can tell of a home has a sentence for people who know the law."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import governance.register
import governance.verification
from audit import meaning as of_the_log
from governance.verification.meaning import MEANING, meaning
from tests.audit.codes import codes_in

CLAIMS = sorted(Path(governance.verification.__file__).parent.glob("*.py"))
REGISTER = sorted(Path(governance.register.__file__).parent.glob("*.py"))
_REASON = re.compile(r'"([a-z]+(?:-[a-z]+)+)", \(?f?"')


def test_every_code_of_a_claim_has_its_meaning() -> None:
    """Whatever file says it."""
    said = {code for path in CLAIMS for code in codes_in(path)}
    assert set() == said - set(MEANING) - set(of_the_log.MEANING)


def test_every_reason_why_a_statement_does_not_count_has_its_meaning() -> None:
    """The register's reasons are told as faults, too."""
    said = {code for path in REGISTER for code in codes_in(path) | set(_REASON.findall(path.read_text()))}
    assert len(said) > 30
    assert {"activation-refused"} >= said - set(MEANING)  # a kind of entry


@pytest.mark.parametrize("code", sorted(MEANING))
def test_a_meaning_is_a_sentence(code: str) -> None:
    """One that stands alone."""
    said = meaning(code)
    assert said[0].isupper()
    assert said.endswith(".")
