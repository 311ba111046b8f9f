"""Fails when branch coverage of the parts that results rest on is below 90 percent."""

from __future__ import annotations

import io
import sys

import coverage

PARTS = ("graph", "ops", "metrics", "tasks", "bench/store")
LEAST = 90.0


def main() -> int:
    """Read what the tests measured, print a line a part, return the exit code."""
    measured = coverage.Coverage()
    measured.load()
    failed = False
    for part in PARTS:
        pattern = [f"graphlab/{part}.py", f"graphlab/{part}/*.py"]
        percent = measured.report(include=pattern, file=io.StringIO())
        failed = failed or percent < LEAST
        print(f"coverage {part:12s} {percent:5.1f} % (at least {LEAST:.0f})")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
