"""The table of faults: every fault has its row, every test it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_BUILT = {"F41": ("graphlab/text",)}  # faults of parts that do not exist


def rows():
    text = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    lines = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| F")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines}


def functions_of(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}


def test_every_fault_has_one_complete_row():
    found = rows()
    assert list(found) == [f"F{number}" for number in range(1, 42)]
    for name, cells in found.items():
        assert len(cells) == 3, name
        assert all(cells), name


def test_every_test_in_the_table_exists():
    missing = []
    for fault, (_, _, named) in rows().items():
        file = None
        tests = re.findall(r"`([^`]*)`", named)
        if fault in NOT_BUILT:
            assert not tests
            assert not any((ROOT / part).exists() for part in NOT_BUILT[fault]), fault
            continue
        assert tests, fault
        for test in tests:
            path, _, function = test.partition("::")
            file = ROOT / path if path else file
            if file is None or not file.is_file() or function not in functions_of(file):
                missing.append(f"{fault}: {test}")
    assert not missing, "\n".join(missing)


def test_every_file_of_this_folder_is_in_the_table():
    text = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    for file in Path(__file__).parent.glob("test_f*.py"):
        assert f"tests/faults/{file.name}" in text, file.name
