"""`longwatch` and `python -m longwatch`: the command line, if what it needs is installed."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave the process; the light client comes without it."""
    try:
        from longwatch.cli.main import main as run
    except ModuleNotFoundError as missing:
        sys.stderr.write(
            f"longwatch: the command line needs {missing.name}, which is not installed; "
            "install it with: pip install 'longwatch[server]'\n"
        )
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
