"""The dev stack, brought up once by the command itself, in a state folder of its own."""

import json
from collections.abc import Callable, Generator
from contextlib import ExitStack

import httpx2
import pytest

from tests.support.folders import server_folder
from tests.support.local_stack import Plinth, Stack, sign_up
from workbench.local.processes import free_port
from workbench.project import ROOT


@pytest.fixture
def new_plinth() -> Generator[Callable[..., Plinth]]:
    """Makes commands with state folders of their own; what they brought up goes with the folders."""
    with ExitStack() as folders:
        yield lambda checkout=ROOT: Plinth(folders.enter_context(server_folder()), checkout)


@pytest.fixture(scope="session")
def stack() -> Generator[Stack]:
    """The dev stack, up."""
    with server_folder() as state:
        plinth = Plinth(state)
        brought_up = plinth("up", "dev", "--detach", "--json", "--port", str(free_port()))
        assert brought_up.returncode == 0, brought_up.stderr
        outputs = json.loads(brought_up.stdout)
        with httpx2.Client(base_url=outputs["api_url"], timeout=40) as client:
            client.headers["Authorization"] = sign_up(client, "ada@example.com")
            yield Stack(plinth, outputs, client)
