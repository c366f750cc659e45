"""`python -m longwatch` where the command line's packages are missing."""

from __future__ import annotations

import subprocess
import sys


def test_the_light_client_says_what_the_command_line_needs() -> None:
    code = (
        "import sys; sys.modules['typer'] = None; sys.argv = ['longwatch', 'ask']; "
        "from longwatch.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'longwatch[server]'" in done.stderr
    assert "Traceback" not in done.stderr
