"""What a service says and writes is what users know of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.project.golden_documents import DOCUMENTS
from tests.project.golden_files import as_text, difference, load


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_service_shows_what_it_showed(name: str, documents: dict[str, Any]) -> None:
    changed = difference(name, load(name), as_text(documents[name]))
    if changed:
        pytest.fail(changed)
