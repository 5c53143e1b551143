"""Whoever reads the comparison for the first time finds each of its modules in one place."""

import re
from pathlib import Path

import workbench.diff


def test_the_package_says_what_each_of_its_modules_is_for() -> None:
    modules = {path.stem for path in Path(workbench.diff.__file__).parent.glob("*.py")} - {"__init__"}
    assert workbench.diff.__doc__ is not None
    assert set(re.findall(r"`(\w+)`", workbench.diff.__doc__)) == modules
