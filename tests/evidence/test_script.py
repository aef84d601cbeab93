"""The script is put together of modules that agree with it."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path

from governance.evidence import script, verify_script

HERE = Path(script.__file__).parent


def test_no_name_is_defined_twice() -> None:
    """The modules become one program: a later definition would take an earlier one's place."""
    defined = Counter[str]()
    for name in script._PARTS:
        for node in ast.parse((HERE / "verifier" / f"{name}.py").read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined[node.name] += 1
            elif isinstance(node, ast.Assign):
                defined.update(ast.unparse(target) for target in node.targets)
    assert {} == {name: times for name, times in defined.items() if times > 1 and name != "__all__"}


def test_every_module_is_in_it() -> None:
    """And imports what any Python has, or a module that stands before it."""
    assert {p.stem for p in (HERE / "verifier").glob("*.py")} - {"__init__"} == set(script._PARTS)
    program = verify_script().decode()
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", program, re.M))
    assert imported == {
        "__future__", "base64", "calendar", "datetime", "hashlib", "json", "os", "re", "stat", "subprocess", "sys",
        "typing", "zoneinfo",
    }  # fmt: skip


def test_it_is_a_script_that_every_shell_reads() -> None:
    """POSIX, as far as two shells can tell without running it; and its program is older Python's, too."""
    for shell in ("sh", "dash", "bash"):
        ran = subprocess.run([shell, "-n"], input=verify_script(), capture_output=True, check=False)
        assert (0, b"") == (ran.returncode, ran.stderr)
    program = verify_script().decode().partition("<<'PYTHON'\n")[2].partition("\nPYTHON\n")[0]
    ast.parse(program, feature_version=(3, 9))
