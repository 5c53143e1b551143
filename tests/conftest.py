"""What tests of more than one folder share: the dev stack, brought up once by the command itself."""

import asyncio
import json
from collections.abc import Generator, Iterator

import httpx2
import pytest

from tests.support.folders import server_folder
from tests.support.local_stack import Plinth, Stack, sign_up
from workbench.local.processes import free_port


@pytest.fixture(autouse=True)
def event_loop() -> Iterator[None]:
    """The main thread has an event loop, as Lambda and Pulumi have one: asyncio.run, in another test, takes it away."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture(scope="session")
def stack() -> Generator[Stack]:
    """The dev stack, up, in a state folder of its own. Whoever asks for it is of the xdist group `system`."""
    with server_folder() as state:
        plinth = Plinth(state)
        brought_up = plinth("up", "dev", "--detach", "--json", "--port", str(free_port()))
        assert brought_up.returncode == 0, brought_up.stderr
        outputs = json.loads(brought_up.stdout)
        with httpx2.Client(base_url=outputs["api_url"], timeout=40) as client:
            client.headers["Authorization"] = sign_up(client, "ada@example.com")
            yield Stack(plinth, outputs, client)
