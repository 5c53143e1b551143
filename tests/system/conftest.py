"""The command itself, with state folders of its own."""

from collections.abc import Callable, Generator
from contextlib import ExitStack

import pytest

from tests.support.folders import server_folder
from tests.support.local_stack import Plinth
from workbench.project import ROOT


@pytest.fixture
def new_plinth() -> Generator[Callable[..., Plinth]]:
    """Makes commands with state folders of their own; what they brought up goes with the folders."""
    with ExitStack() as folders:
        yield lambda checkout=ROOT: Plinth(folders.enter_context(server_folder()), checkout)
