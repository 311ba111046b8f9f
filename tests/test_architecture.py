"""The dependency rule: who may import whom, and what stays out of a cheap import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "graphlab"

ROWS = [
    {"errors", "registry", "seeding", "io", "resources"},
    {"graph"},
    {"ops", "collection"},
    {
        "nn",
        "transforms",
        "tokenizers",
        "graphlets",
        "topology",
        "heuristics",
        "metrics",
        "datasets",
    },
    {"analysis"},  # of what metrics and topology tell
    {"models", "ssl", "pretraining", "text", "temporal"},
    {"tasks"},
    {"train"},
    {"bench", "testing"},
]
PRIVATE = {
    "_archive": 0,
    "_cards": 0,
    "_download": 0,
    "_unpickle": 0,
    "_graph_input": 0,
    "_lazy": 0,
}
SIDEWAYS = {("transforms", "graphlets"), ("testing", "bench")}
FREE_WITHIN_ROW = {0, 2, 4, 5, 6, 7, 8}  # rows 1 and 3: downwards only
HOMES = {
    "accelerate": ("train/",),
    "ogb": ("datasets/ogb.py",),
    "torch_geometric": ("datasets/", "transforms/", "models/pyg.py", "graph.py"),
    "matplotlib": ("bench/report/plots", "pretraining/_plots.py", "train/ssl_trainer.py"),
    "ray": ("bench/launch_ray.py", "bench/_ray"),
    "optuna": ("bench/search/study.py", "bench/search/_journal.py"),
    "pickle": ("_unpickle.py", "io.py"),
}
TORCH_FREE = (
    "graphlab",
    "graphlab.errors",
    "graphlab.registry",
    "graphlab.seeding",
    "graphlab.resources",
    "graphlab.io",
    "graphlab.datasets",
    "graphlab.datasets.catalog",
    "graphlab.tasks",
    "graphlab.train",
    "graphlab.train.recipes",
    "graphlab.bench",
    "graphlab.bench.cli",
    "graphlab.bench.config",
    "graphlab.bench.plan",
    "graphlab.bench.store",
    "graphlab.bench.search.api",
)


def row_of(part: str) -> int:
    if part in PRIVATE:
        return PRIVATE[part]
    for number, row in enumerate(ROWS):
        if part in row:
            return number
    raise AssertionError(f"graphlab/{part} is in no row of the dependency rule")


def imports_of(file: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}:{node.lineno}: relative import"
            base = node.module
            names = [f"{base}.{a.name}" for a in node.names] if base == "graphlab" else [base]
            found += [(node.lineno, name) for name in names]
    return found


def files() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if "share" not in p.parts)


def test_nothing_imports_upwards():
    wrong = []
    for file in files():
        part = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if part == "__init__":
            continue
        for line, name in imports_of(file):
            pieces = name.split(".")
            if pieces[0] != "graphlab" or len(pieces) == 1 or pieces[1] == "__version__":
                continue
            other = pieces[1]
            mine, theirs = row_of(part), row_of(other)
            sideways = mine == theirs and other != part and mine not in FREE_WITHIN_ROW
            if theirs > mine or (sideways and (part, other) not in SIDEWAYS):
                wrong.append(f"{file.relative_to(PACKAGE)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_heavy_packages_stay_in_their_home():
    wrong = []
    for file in files():
        relative = file.relative_to(PACKAGE).as_posix()
        for line, name in imports_of(file):
            homes = HOMES.get(name.split(".")[0])
            if homes is not None and not relative.startswith(homes):
                wrong.append(f"{relative}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_no_file_grows_past_400_lines():
    long = {str(f.relative_to(PACKAGE)): len(f.read_text().splitlines()) for f in files()}
    assert not {name: lines for name, lines in long.items() if lines > 400}


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_torch_free_modules_import_neither_torch_nor_numpy():
    loaded = loaded_after("\n".join(f"import {name}" for name in TORCH_FREE))
    assert not loaded & {"torch", "numpy", "pandas", "scipy", "matplotlib", "accelerate"}


def test_library_imports_torch_and_little_else():
    """One after the other in one process: whichever imports too much is named."""
    modules = ("graph", "ops", "nn", "models", "metrics", "analysis", "topology")
    heavy = {"torch_geometric", "pandas", "accelerate", "sklearn", "matplotlib", "optuna", "ogb"}
    heavy |= {"numba", "scipy", "lightning", "pydantic", "rich"}
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module('graphlab.' + name)\n"
        "    roots = {module.partition('.')[0] for module in sys.modules}\n"
        f"    found = sorted(roots & {heavy!r})\n"
        "    assert 'torch' in roots and not found, f'graphlab.{name} imports {found}'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
