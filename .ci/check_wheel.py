"""Builds the wheel, installs it into an empty environment, and runs the default suite there.

The environment sees the dependencies of the one that runs this file, but not the checkout.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("share/datasets/debdeps/debdeps.npz", "share/suites/quick.toml", "py.typed")
SHORT = ["--seeds", "1", "--set", "recipe.epochs=3", "--quiet"]


def main() -> int:
    """Return the exit code of the suite run from the wheel."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", name]
        subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
        wheel = next(folder.glob("*.whl"))
        names = zipfile.ZipFile(wheel).namelist()
        missing = [n for n in NEEDED if f"graphlab/{n}" not in names]
        if missing:
            print(f"The wheel lacks {missing}.")
            return 1
        print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB, {len(names)} files")
        subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True)
        python = folder / "env" / "bin" / "python"
        install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)]
        subprocess.run([str(python), *install], check=True)
        site = next((folder / "env" / "lib").glob("python*/site-packages"))
        # the editable install of the checkout is a .pth file, which a path entry does not read
        (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        work = folder / "work"
        work.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GRAPHLAB_")}
        command = [str(folder / "env" / "bin" / "graphlab-bench"), "run", *SHORT]
        done = subprocess.run(command, cwd=work, env=kept, check=False)
        where = [str(python), "-c", "import graphlab; print(graphlab.__file__)"]
        found = subprocess.run(where, cwd=work, check=True, capture_output=True, text=True).stdout
        if str(folder.resolve()) not in str(Path(found.strip()).resolve()):
            print(f"The suite ran {found.strip()}, which is not the wheel.")
            return 1
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
