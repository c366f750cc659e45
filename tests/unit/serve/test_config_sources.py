"""The settings of pulled sources."""

from __future__ import annotations

import pytest

from longwatch.errors import ConfigError
from longwatch.serve.config import Settings, SourceDefaults, load_settings
from longwatch.stream.pull.rules import UrlPolicy
from longwatch.stream.pull.settings import PullSettings


def test_the_service_s_defaults_are_those_of_the_parts() -> None:
    assert isinstance(Settings(), SourceDefaults)
    assert Settings().pull == PullSettings()
    assert Settings().pull_rules == UrlPolicy()


def test_a_flag_reaches_the_part_that_it_is_for() -> None:
    settings = Settings(pull_hosts=("cam.lan",), pull_stall=1.5, pull_retry_slow=90.0)
    assert settings.pull_rules.hosts == ("cam.lan",)
    assert (settings.pull.stall_s, settings.pull.retry_slow_s) == (1.5, 90.0)


@pytest.mark.parametrize(
    "flags", [{"pull_stall": 20.0}, {"pull_hosts": ("http://x",)}, {"pull_timeout": 0.0}]
)
def test_settings_that_do_not_fit_are_refused_at_the_start(flags: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        load_settings(flags)
