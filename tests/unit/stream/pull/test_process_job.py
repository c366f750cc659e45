"""What a child is told."""

from __future__ import annotations

from longwatch.stream.pull.address import parse_address
from longwatch.stream.pull.process import PullJob
from longwatch.stream.pull.rules import UrlPolicy
from longwatch.stream.pull.settings import PullSettings


def test_a_job_survives_its_way_to_the_child() -> None:
    address = parse_address("rtsp://user:p%40ss@cam/a", transport="udp")
    rules, settings = (
        UrlPolicy(("10.0.0.0/8", "cam"), "clips", cameras=True),
        PullSettings(read_s=1.5),
    )
    job = PullJob(address, rules, settings, 2.5, 1000, 7, "tcp")
    line = job.dump()
    assert line.count("\n") == 1
    assert PullJob.load(line) == job
