"""What the package offers is what users know of it: commands, settings, names, files."""

from __future__ import annotations

import pytest

from tests.project.golden_files import as_text, difference, load
from tests.project.golden_surface import SURFACE


@pytest.mark.parametrize("name", SURFACE)
def test_the_package_offers_what_it_offered(name: str) -> None:
    changed = difference(name, load(name), as_text(SURFACE[name]()))
    if changed:
        pytest.fail(changed)
