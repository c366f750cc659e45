"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from longwatch.compressors import COMPRESSORS
from longwatch.memory import POLICIES
from longwatch.models.families import FAMILIES

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(link.name for link in (ROOT / "src/longwatch").iterdir() if link.is_symlink())
SOURCES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)
# Interfaces and tables: what they promise is tested where it is implemented.
UNTESTED = {"__init__.py", "base.py"}
# Laws run over every implementation of a table.
IN_A_TABLE = {
    inspect.getfile(made) for table in (COMPRESSORS, FAMILIES, POLICIES) for made in table.values()
}


def test_every_package_is_a_link_to_a_folder_at_the_root() -> None:
    assert {"stream", "memory", "compressors", "retrieval", "client"} <= set(PACKAGES)
    for package in PACKAGES:
        assert (ROOT / "src/longwatch" / package).resolve() == ROOT / package


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_source_file_is_short_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 250
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_source_file_is_imported_by_a_test(path: Path) -> None:
    """A test of its name or its folder's, any test beside that imports it, or a table's laws."""
    if path.name in UNTESTED or path in {Path(file).resolve() for file in IN_A_TABLE}:
        return
    relative = path.relative_to(ROOT)
    own = ROOT / "tests" / relative.with_name(f"test_{path.name}")
    folder = ROOT / "tests" / relative.parent.with_name(f"test_{relative.parent.name}.py")
    module = "longwatch." + ".".join(relative.with_suffix("").parts)
    tests = (ROOT / "tests" / relative.parts[0]).rglob("*.py")
    assert own.exists() or folder.exists() or any(module in test.read_text() for test in tests)


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
