"""The files that bring the service to a machine. Docker itself is not run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from longwatch.serve.config import PREFIX, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILES = [DEPLOY / name for name in ("Dockerfile", "compose.yaml", "longwatch.service")]
OF_THE_FILES = {"MEMORY", "METRICS_KEY"}  # not the service's: compose puts them elsewhere


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_that_is_set_is_a_setting(path: Path) -> None:
    named = set(re.findall(rf"\b{PREFIX}([A-Z_]+)\b", path.read_text())) - OF_THE_FILES
    assert {name.rstrip("_").lower() for name in named - {"NAME", "TLS_"}} <= set(
        Settings.model_fields
    )


def test_what_the_image_is_given_is_a_service_that_may_listen_beyond_loopback() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    given = dict(re.findall(rf"{PREFIX}([A-Z_]+)=(\S+)", text))
    settings = Settings(**{name.lower(): value for name, value in given.items()})
    assert settings.keys
    assert settings.persist
    assert f"EXPOSE {settings.port}" in text
    assert f"127.0.0.1:{settings.port}/readyz" in text


def test_the_image_runs_without_rights() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER longwatch"]
    assert lines.index(users[-1]) < lines.index('ENTRYPOINT ["longwatch"]')


def test_the_image_is_built_from_all_that_is_a_package() -> None:
    taken = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    assert all((ROOT / name).exists() for name in taken)
    links = {link.name for link in (ROOT / "src/longwatch").iterdir() if link.is_symlink()}
    assert links <= set(taken)


def test_a_container_has_longer_to_end_than_answers_have_to_finish() -> None:
    service = read("compose.yaml")["services"]["longwatch"]
    drain = Settings().drain_seconds
    assert float(service["stop_grace_period"].removesuffix("s")) > drain + 10
    unit = (DEPLOY / "longwatch.service").read_text()
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert found
    assert float(found[1]) > drain + 10


def test_compose_mounts_what_the_image_keeps_and_publishes_to_this_machine_alone() -> None:
    compose = read("compose.yaml")
    service = compose["services"]["longwatch"]
    folders = {volume.partition(":")[2] for volume in service["volumes"]}
    assert folders == {"/data", "/config"}
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    named = {
        volume.partition(":")[0]
        for each in compose["services"].values()
        for volume in each.get("volumes", [])
        if not volume.startswith(".")
    }
    assert named == set(compose["volumes"])


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("there is no systemd-analyze")
    unit = tmp_path / "longwatch.service"
    text = (DEPLOY / "longwatch.service").read_text()
    unit.write_text(text.replace("/opt/longwatch/bin/longwatch", "/bin/true"))
    done = subprocess.run(
        shlex.split(f"{verify} verify {shlex.quote(str(unit))}"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
