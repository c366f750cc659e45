"""Writes the files of the golden baseline anew, on purpose.

    python -m tests.project.record_golden                 # all files
    python -m tests.project.record_golden data            # some of them
    python -m tests.project.record_golden --folder data-2 # a data folder of a new format

A data folder that was recorded is never replaced: it is what an earlier version wrote.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.project import golden_data, golden_documents, golden_surface
from tests.project.golden_files import FOLDER, as_text, save

if TYPE_CHECKING:
    from collections.abc import Sequence


def data() -> None:
    """Record what each data folder shows when this version opens it."""
    for folder in golden_data.folders():
        with (
            tempfile.TemporaryDirectory() as place,
            golden_data.opened(folder, Path(place) / "data") as service,
        ):
            save(f"{folder.name}.json", as_text(golden_data.shown(service)))


def service(names: Sequence[str]) -> None:
    """Record files that come of a session with a service."""
    recorded = golden_data.folders()[-1]
    with (
        tempfile.TemporaryDirectory() as place,
        golden_data.opened(recorded, Path(place) / "data") as live,
    ):
        found = golden_documents.documents(live, recorded, Path(place))
    for name in names:
        save(name, as_text(found[name]))


def package(names: Sequence[str]) -> None:
    """Record files that come of the package alone."""
    for name in names:
        save(name, as_text(golden_surface.SURFACE[name]()))


def main() -> None:
    """Record what the arguments name."""
    files = {"data": "data"} | {
        name.removesuffix(".json"): name
        for name in (*golden_surface.SURFACE, *golden_documents.DOCUMENTS)
    }
    parser = argparse.ArgumentParser(
        prog="python -m tests.project.record_golden", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"of {', '.join(files)}")
    parser.add_argument("--folder", metavar="NAME", help="write a new data folder of this name")
    given = parser.parse_args()
    unknown = set(given.files) - files.keys()
    if unknown:
        parser.error(f"there is no file {', '.join(sorted(unknown))}; use {', '.join(files)}")
    if given.folder is not None:
        if not given.folder.startswith("data-"):
            parser.error("a data folder is called data-NUMBER, such as data-2")
        golden_data.write(FOLDER / given.folder)
    wanted = [files[name] for name in given.files]
    if not wanted:
        wanted = ["data"] if given.folder else list(files.values())
    if "data" in wanted:
        data()
    package([name for name in wanted if name in golden_surface.SURFACE])
    if any(name in golden_documents.DOCUMENTS for name in wanted):
        service([name for name in wanted if name in golden_documents.DOCUMENTS])
    sys.stdout.write(f"recorded {', '.join(wanted)}\n")


if __name__ == "__main__":
    main()
