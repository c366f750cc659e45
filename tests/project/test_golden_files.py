"""The golden files are complete, and a difference says what to do."""

from __future__ import annotations

from tests.project import golden_data
from tests.project.golden_documents import DOCUMENTS
from tests.project.golden_files import FOLDER, as_text, difference
from tests.project.golden_surface import SURFACE


def test_every_golden_file_is_compared() -> None:
    data = [f"{folder.name}.json" for folder in golden_data.folders()]
    assert sorted(path.name for path in FOLDER.glob("*.json")) == sorted(
        [*data, *SURFACE, *DOCUMENTS]
    )


def test_a_difference_shows_what_changed_and_how_to_record_it() -> None:
    old, new = as_text({"fps": 2.0, "queue": 2}), as_text({"fps": 2.0, "queue": 3})
    assert difference("settings.json", old, old) is None
    told = difference("settings.json", old, new) or ""
    assert '- "queue": 2' in told
    assert '+ "queue": 3' in told
    assert "python -m tests.project.record_golden settings`" in told
    assert "record_golden data`" in (difference("data-1.json", old, new) or "")
    assert len((difference("help.json", "", "x\n" * 1000) or "").splitlines()) < 100


def test_fields_that_are_new_leave_an_old_folder_as_it_was() -> None:
    before = {"streams": {"a": {"frames": 3}}, "keys": [{"id": "x"}], "gaps": [1, 2]}
    later = {"streams": {"a": {"frames": 3, "new": 1}, "b": {}}, "keys": [{"id": "x", "new": 2}]}
    assert golden_data.within({**later, "gaps": [1, 2]}, before) == before
    assert golden_data.within({**later, "gaps": [1]}, before) != before
    assert golden_data.within(later, before) != before
