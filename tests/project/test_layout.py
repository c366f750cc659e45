"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from longwatch.compressors import COMPRESSORS
from longwatch.memory import POLICIES
from longwatch.models.families import FAMILIES

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(link.name for link in (ROOT / "src/longwatch").iterdir() if link.is_symlink())
SOURCES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)
# Interfaces: what they promise is tested where it is implemented.
UNTESTED = {"__init__.py", "base.py"}
# Laws run over every implementation of a table.
IN_A_TABLE = {
    Path(inspect.getfile(made)).resolve()
    for table in (COMPRESSORS, FAMILIES, POLICIES)
    for made in table.values()
}
# A catalogue may be long: one file is one published method, and nobody reads it from top to bottom.
CATALOGUES = {"compressors"}
# Folders that are to be divided into rooms.
CROWDED = {
    "memory",
    "memory/durable",
    "models",
}
# Packages whose docstring is the plan of their rooms: it names every module and folder in them.
PLANNED = ("serve", "stream", "cli/demo", "cli/doctor")
# Names that said what something felt like and not what it is; the field has better ones.
RETIRED = {
    *("ago", "board", "comeback", "diary", "easel", "easing", "gallery", "gaze", "hangup", "ids"),
    *("intake", "keeper", "keeping", "kept", "lateness", "moments", "opening", "past", "patience"),
    *("premises", "pulse", "reading", "refusals", "returning", "rise", "rota", "said", "spare"),
    *("sparing", "standing", "sure", "timewords", "told", "turns", "vitals", "watching", "way"),
}
DIVIDED = ("serve", "stream", "client", "cli")  # packages in which they do not come back
STILL = {"stream/pull/opening.py"}  # which opens containers: here the word is the plain one
# Modules of more than 600 lines, each with the reason why it is one.
LONG: dict[str, str] = {}


def test_every_package_is_a_link_to_a_folder_at_the_root() -> None:
    assert {"stream", "memory", "compressors", "retrieval", "client"} <= set(PACKAGES)
    for package in PACKAGES:
        assert (ROOT / "src/longwatch" / package).resolve() == ROOT / package


def imported(text: str) -> set[str]:
    """Return the modules that a file imports, and every name it takes out of one."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


TESTS = sorted((ROOT / "tests").rglob("*.py"))
IMPORTED = set[str]().union(*(imported(path.read_text()) for path in TESTS))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_is_not_too_long(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= 600 or str(path.relative_to(ROOT)) in LONG


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_is_imported_by_a_test_or_a_test_has_its_name(path: Path) -> None:
    """A test that drives a module from outside has its name or its folder's."""
    if path.name in UNTESTED or path in IN_A_TABLE:
        return
    module = "longwatch." + ".".join(path.relative_to(ROOT).with_suffix("").parts)
    named = (f"test_{path.stem}_", f"test_{path.parent.name}_")
    assert module in IMPORTED or any(f"{test.stem}_".startswith(named) for test in TESTS)


@pytest.mark.parametrize(
    "path",
    [
        p
        for p in SOURCES
        if p.name == "__init__.py" and str(p.relative_to(ROOT)).startswith(PLANNED)
    ],
    ids=lambda p: str(p.parent.relative_to(ROOT)),
)
def test_a_package_s_docstring_is_the_plan_of_its_rooms(path: Path) -> None:
    plan = set(re.findall(r"`(\w+)`", ast.get_docstring(ast.parse(path.read_text())) or ""))
    modules = {other.stem for other in path.parent.glob("*.py")} - {"__init__"}
    rooms = {other.parent.name for other in path.parent.glob("*/__init__.py")}
    assert modules | rooms <= plan


def test_retired_words_do_not_come_back_as_names() -> None:
    sources = [p for p in SOURCES if p.relative_to(ROOT).parts[0] in DIVIDED]
    found = {str(p.relative_to(ROOT)) for p in sources if p.stem in RETIRED}
    assert found == STILL
    classes = {
        node.name.lower().lstrip("_")
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    assert not classes & RETIRED


def test_the_data_files_of_the_wheel_are_there() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    for package, patterns in settings["package-data"].items():
        folder = ROOT / "src" / Path(*package.split("."))
        for pattern in patterns:
            assert any(file.is_file() for file in folder.glob(pattern)), (package, pattern)


def test_no_folder_of_the_product_has_more_than_fifteen_entries() -> None:
    entries = Counter(path.parent for path in SOURCES if path.name != "__init__.py")
    entries.update([folder.parent for folder in entries if folder.parent != ROOT])
    crowded = {str(folder.relative_to(ROOT)) for folder, count in entries.items() if count > 15}
    assert crowded == CATALOGUES | CROWDED


def test_the_client_is_imported_without_anything_heavy() -> None:
    code = (
        "import sys; import longwatch.client; "
        "heavy = {'torch', 'transformers', 'av', 'cv2', 'pydantic', 'fastapi', 'faiss'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_no_tracked_file_names_a_folder_of_somebody_s_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    homes = (b"/ho" + b"me/", b"/ro" + b"ot/", b"/Us" + b"ers/", b"/wo" + b"rk/")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".json", ".txt", ".yaml", ""}:
            assert not any(home in path.read_bytes() for home in homes), name
