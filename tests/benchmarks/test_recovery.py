"""A small run of the recovery benchmark, and that it would notice what it looks for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import recovery
from benchmarks.readiness import frame, opened
from longwatch.memory.durable.journal import Journal
from longwatch.memory.durable.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path


def test_a_difference_of_one_bit_is_noticed(tmp_path: Path) -> None:
    memory, store = opened(tmp_path, recovery.POLICY, recovery.SMALL)
    writer = Writer()
    writer.start()
    memory.keep(Journal(store, writer))
    for index in range(50):
        memory.put(frame(index))
    writer.close()
    store.close()
    again, other = opened(tmp_path, recovery.POLICY, recovery.SMALL)
    other.close()
    one, two = recovery.blocks(memory), recovery.blocks(again)
    assert one.keys() == two.keys()
    assert one
    assert all(recovery.equal(one[i], two[i]) for i in one)
    assert recovery.same_at_hand(memory, again)
    block = next(iter(one.values()))
    changed = block.rows.clone()
    changed[0, 0] ^= 1
    assert not recovery.equal(block, block._replace(rows=changed))
    assert not recovery.equal(block, None)
    again.put(frame(50))
    assert not recovery.same_at_hand(memory, again)


@pytest.mark.slow
def test_the_report_has_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "QUICK", recovery.Protocol(3, (50,), 1))
    path = tmp_path / "report.json"
    recovery.main(["--quick", "--json", str(path)])
    summary = json.loads(path.read_text())["summary"]
    assert summary["kills"] == 3
    assert summary["commits"] > 0
    assert summary["blocks_compared"] > 0
    assert summary["lost_blocks_older_than_1s"] == 0
    assert summary["corrupt_blocks"] == summary["at_hand_differs"] == summary["damaged"] == 0
    assert summary["ready_s"]["50"] > 0


def test_a_run_in_which_nothing_was_written_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = {"committed": 0, "early": False, "blocks": 0}
    monkeypatch.setattr(recovery, "killed", lambda *_: [nothing])
    monkeypatch.setattr(recovery, "QUICK", recovery.Protocol(1, (), 1))
    with pytest.raises(RuntimeError, match="too little"):
        recovery.main(["--quick", "--json", str(tmp_path / "report.json")])
    assert not (tmp_path / "report.json").exists()
