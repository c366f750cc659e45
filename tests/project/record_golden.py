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

from tests.project import golden_data
from tests.project.golden_files import FOLDER, as_text, save

if TYPE_CHECKING:
    from collections.abc import Callable


def data() -> None:
    """Record what each data folder shows when this version opens it."""
    for folder in golden_data.folders():
        with (
            tempfile.TemporaryDirectory() as place,
            golden_data.opened(folder, Path(place) / "data") as service,
        ):
            save(f"{folder.name}.json", as_text(golden_data.shown(service)))


FILES: dict[str, Callable[[], None]] = {"data": data}


def main() -> None:
    """Record what the arguments name."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.project.record_golden", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"of {', '.join(FILES)}")
    parser.add_argument("--folder", metavar="NAME", help="write a new data folder of this name")
    given = parser.parse_args()
    unknown = set(given.files) - FILES.keys()
    if unknown:
        parser.error(f"there is no file {', '.join(sorted(unknown))}; use {', '.join(FILES)}")
    if given.folder:
        if not given.folder.startswith("data-"):
            parser.error("a data folder is called data-NUMBER, such as data-2")
        golden_data.write(FOLDER / given.folder)
    for name in given.files or ([] if given.folder else FILES):
        FILES[name]()
        sys.stdout.write(f"recorded {name}\n")
    if given.folder:
        data()


if __name__ == "__main__":
    main()
