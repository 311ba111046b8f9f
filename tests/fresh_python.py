"""Code in a Python process of its own, for what depends on the start of one."""

from __future__ import annotations

import os
import subprocess
import sys


def run_code(code: str, **environment: str) -> str:
    """Run code that must end well, with one thread; return what it printed.

    Args:
        code: Statements.
        environment: Variables besides those of this process.
    """
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
