"""What users see of the package without a service: commands, settings, imports, the wheel."""

from __future__ import annotations

import inspect
import json
from contextlib import chdir
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from setuptools import Distribution
from setuptools.config.pyprojecttoml import apply_configuration

from longwatch.cli.main import make_app
from longwatch.serve.config import Settings
from longwatch.serve.streams.settings import StreamSettings
from tests.project.golden_commands import output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from setuptools.command.build_py import build_py

ROOT = Path(__file__).parents[2]
PUBLIC = (
    "longwatch.client",
    "longwatch.client.push",
    "longwatch.client.sync",
    "longwatch.compressors",
    "longwatch.errors",
    "longwatch.memory",
    "longwatch.retrieval",
)
SIGNED = ("longwatch.client", "longwatch.client.push", "longwatch.client.sync")

# Of the client's classes: what its own reader calls, and no application.
INNER = {
    *("back", "begin", "changed", "cut", "end_again", "fail", "finish", "follow", "lose", "parse"),
    *("push", "send_packet", "take"),
}


def help_() -> dict[str, Any]:
    """Return what `--help` says of each command: in its words, not in a terminal's layout."""
    return dict(_commands(typer.main.get_command(make_app([])), "longwatch"))


def methods() -> Any:
    """Return what `longwatch methods --json` prints."""
    return json.loads(output("methods", "--json"))


def settings() -> dict[str, Any]:
    """Return each setting with its type, bounds and default, and what a stream is stored with."""
    schema = Settings.model_json_schema()["properties"]
    for field in schema.values():
        field.pop("title", None)
    return {"service": schema, "stream": asdict(StreamSettings())}


def imports() -> dict[str, list[str]]:
    """Return the public names of the modules that applications import.

    Those of the client stand with their parameters, and classes with their public members.
    """
    return {name: sorted(_names(import_module(name), name in SIGNED)) for name in PUBLIC}


def wheel() -> dict[str, Any]:
    """Return what the wheel holds besides modules, as setuptools itself finds it.

    Modules are left out, as they may be moved and renamed; packages of the first level stay.
    """
    with chdir(ROOT):
        found = apply_configuration(Distribution(), ROOT / "pyproject.toml")
        found.include_package_data = False  # MANIFEST.in adds nothing to packages
        build: build_py = found.get_command_obj("build_py")
        build.ensure_finalized()
        packages = list(build.packages)
        files = [
            f"{package.replace('.', '/')}/{Path(name).relative_to(folder).as_posix()}"
            for package, folder, _, _ in build.data_files
            for name in build.find_data_files(package, folder)
        ]
    metadata = found.metadata
    return {
        "name": metadata.get_name(),
        "python": str(metadata.python_requires),
        "extras": sorted(found.extras_require),
        "commands": sorted(found.entry_points["console_scripts"]),
        "packages": sorted(name for name in packages if name.count(".") < 2),
        "files": sorted(name for name in set(files) if "__pycache__" not in name),
    }


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    yield name, {"help": command.help, "parameters": list(map(_parameter, command.params))}
    for each in getattr(command, "commands", {}).values():
        yield from _commands(each, f"{name} {each.name}")


def _parameter(parameter: Any) -> dict[str, Any]:
    kind = parameter.type_descriptor.annotation
    shown = {
        "names": [*parameter.opts, *parameter.secondary_opts],
        "type": getattr(kind, "__name__", str(kind)),
        "help": parameter.help,
        "default": parameter.default if parameter.show_default else None,
        "environment": parameter.envvar,
        "required": parameter.required,
        "several": parameter.multiple if hasattr(parameter, "multiple") else False,
    }
    return {key: value for key, value in shown.items() if value not in (None, False, [])}


def _names(module: ModuleType, signed: bool) -> Iterator[str]:
    listed = getattr(module, "__all__", None)
    for name, value in vars(module).items():
        if listed is None:
            own = getattr(value, "__module__", None) == module.__name__
            if name.startswith("_") or isinstance(value, TypeVar) or not own:
                continue
        elif name not in listed:
            continue
        yield f"{name}{_parameters(value)}" if signed and inspect.isfunction(value) else name
        if signed and inspect.isclass(value):
            yield from (f"{name}.{member}" for member in _members(value))


def _members(kind: type) -> Iterator[str]:
    """Yield the public members of a class and of its bases that are ours."""
    ours = [base for base in kind.__mro__ if base.__module__.startswith("longwatch")]
    names = {name for base in ours for name in (*vars(base), *base.__annotations__)}
    for name in names:
        if not name.startswith("_") and name not in INNER:
            value = getattr(kind, name, None)
            yield f"{name}{_parameters(value)}" if inspect.isfunction(value) else name


def _parameters(value: Any) -> str:
    """Return names, kinds and defaults of parameters; types go by names that may change."""
    signature = inspect.signature(value)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


SURFACE: dict[str, Callable[[], Any]] = {
    "help.json": help_,
    "methods.json": methods,
    "settings.json": settings,
    "imports.json": imports,
    "wheel.json": wheel,
}
