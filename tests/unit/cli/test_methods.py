"""`longwatch methods`: nothing that can be named is missing, and what is said of it is true."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from longwatch.cli.main import run
from longwatch.cli.methods import Method, all_methods
from longwatch.compressors import COMPRESSORS, PRUNERS
from longwatch.memory import POLICIES
from longwatch.serve.streams.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES: dict[str, Mapping[str, Any]] = {
    "compressors": COMPRESSORS,
    "pruners": PRUNERS,
    "policies": POLICIES,
    "presets": PRESETS,
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_name_of_a_table_is_listed(kind: str) -> None:
    assert [method.name for method in all_methods()[kind]] == list(TABLES[kind])


@pytest.mark.parametrize("kind", TABLES)
def test_every_method_says_what_it_does(kind: str) -> None:
    for method in all_methods()[kind]:
        assert len(method.about) > 15, method.name


@pytest.mark.parametrize("kind", ["compressors", "pruners", "policies"])
def test_the_settings_are_those_that_the_method_is_made_with(kind: str) -> None:
    for method in all_methods()[kind]:
        made = TABLES[kind][method.name]
        assert made(**method.settings) == made()


def test_the_papers_are_those_of_the_methods() -> None:
    found = {m.name: m.papers for m in all_methods()["compressors"]}
    for name, made in COMPRESSORS.items():
        assert made.paper is None or found[name][0] == made.paper
    presets = {m.name: m for m in all_methods()["presets"]}
    policies = {m.name: m.papers for m in all_methods()["policies"]}
    for name in PRESETS:
        if name in policies:
            assert set(presets[name].papers) == set(policies[name])


def test_json_holds_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["methods", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["compressors"][1]["name"] == "ctr"
    assert listed["compressors"][1]["papers"] == ["2510.18269"]
    assert listed["compressors"][1]["settings"]["beta"] == 0.6
    assert {kind: len(found) for kind, found in listed.items()} == {
        kind: len(table) for kind, table in TABLES.items()
    }


def test_the_tables_name_every_method(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert run(["methods"]) == 0
    out = capsys.readouterr().out
    assert all(f"│ {name} " in out for table in TABLES.values() for name in table)


def test_settings_that_json_cannot_hold_are_in_words() -> None:
    method = Method("a", "about", ("1",), {"n": 1, "none": None, "made": complex(1, 2)})
    assert method.json()["settings"] == {"n": 1, "none": None, "made": "(1+2j)"}
    assert json.loads(json.dumps(method.json()))["papers"] == ["1"]
