"""Data folders that earlier versions wrote still open, and answer to the letter as they did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.project import golden_data
from tests.project.golden_files import as_text, difference, load

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS = golden_data.folders()


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_data_folder_of_an_earlier_version_opens_and_answers_as_it_did(
    folder: Path, shows: Any, tmp_path: Path
) -> None:
    found = shows
    if folder != FOLDERS[-1]:
        with golden_data.opened(folder, tmp_path / "data") as live:
            found = golden_data.shown(live)
    name = f"{folder.name}.json"
    expected = json.loads(load(name))
    found = golden_data.within(found, expected)
    changed = difference(name, as_text(expected), as_text(found))
    if changed:
        pytest.fail(changed)


def test_the_newest_folder_keeps_a_bit_of_everything() -> None:
    """What is not in it is not proven to open."""
    shows = json.loads(load(f"{FOLDERS[-1].name}.json"))
    streams, watches = shows["streams"], shows["watches"].values()
    policies = {each["settings"]["policy"] for each in streams.values()}
    assert policies == {"livevlm", "longwatch", "rekv", "streamingtom", "window"}
    ladder = streams["ladder"]
    assert sum(rung["blocks"] > 0 for rung in ladder["memory"]["rungs"]) >= 2
    assert ladder["pictures"]
    assert ladder["dialogue"]
    assert ladder["timeline"]["alerts"]
    assert streams["door"]["source"]["credentials"]
    assert any(watch["firings"] for watch in watches)
    assert any(watch["webhook"] for watch in watches)
    assert shows["keys"]
