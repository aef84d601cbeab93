"""The plain-Python reading: the acceptance decisions, then every rule and ruling with small documents."""

from __future__ import annotations

import pytest

from governance.compiler.reference import decide
from tests import acceptance


@pytest.mark.shared
@pytest.mark.parametrize("case", acceptance.cases())
def test_acceptance(shared: object, case: acceptance.Case) -> None:
    """Each row of the acceptance decisions comes out as told: outcome, reason, citations, consent."""
    assert case.expected == case.actual(decide([acceptance.document()], case.request, case.facts))
