"""Everything that can be named on the command line: what it does, its paper, its settings."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from longwatch.compressors import COMPRESSORS, PRUNERS
from longwatch.memory import POLICIES
from longwatch.serve.streams.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longwatch.serve.streams.presets import Preset

PAPER = re.compile(r"\b\d{4}\.\d{5}\b")  # an arXiv id


@dataclass(frozen=True)
class Method:
    """One line of a table."""

    name: str
    about: str
    papers: tuple[str, ...]
    settings: Mapping[str, Any]  # name -> default

    def json(self) -> dict[str, Any]:
        """Return it with settings that JSON can hold; others are in words."""
        plain = {name: _plain(value) for name, value in self.settings.items()}
        return {**asdict(self), "papers": list(self.papers), "settings": plain}


def all_methods() -> dict[str, list[Method]]:
    """Return compressors, pruners, memory policies and presets, each in its table's order."""
    return {
        "compressors": [_method(name, made) for name, made in COMPRESSORS.items()],
        "pruners": [_method(name, made) for name, made in PRUNERS.items()],
        "policies": [_method(name, made) for name, made in POLICIES.items()],
        "presets": [_preset(name, made) for name, made in PRESETS.items()],
    }


def _method(name: str, made: type[Any]) -> Method:
    """Return what the file says of the method, which is the only one in it."""
    module = inspect.getmodule(made)
    about = (module.__doc__ or "").partition("\n")[0].rstrip(".")
    papers = dict.fromkeys(PAPER.findall(made.__doc__ or ""))
    return Method(name, about, tuple(papers), _defaults(made))


def _preset(name: str, made: Preset) -> Method:
    given = {key: value for key, value in made.settings().items() if value is not None}
    return Method(name, made.about, made.papers, given)


def _defaults(made: type[Any]) -> dict[str, Any]:
    found = {}
    for field in fields(made) if is_dataclass(made) else ():
        if field.default is not MISSING:
            found[field.name] = field.default
        elif field.default_factory is not MISSING:
            found[field.name] = field.default_factory()
    return found


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
