"""A local cloud without a stack: the emulator, PostgreSQL and Valkey, once for each worker of the test run."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.folders import server_folder
from workbench.local import postgres, servers
from workbench.local.cloud import Cloud
from workbench.local.processes import Processes

REGION, ACCOUNT = "eu-central-1", "111111111111"


@pytest.fixture(scope="session")
def cloud() -> Generator[Cloud]:
    """The servers of a local cloud on ports of their own."""
    with server_folder() as folder:
        processes = Processes(folder)
        commands = [servers.emulator(folder, REGION, ACCOUNT), servers.cache(), postgres.command(folder)]
        with ThreadPoolExecutor() as pool:
            emulator, cache, database = [running for running, _started in pool.map(processes.ensure, commands)]
        yield Cloud(
            folder=folder,
            region=REGION,
            account=ACCOUNT,
            emulator_port=emulator.port,
            cache_port=cache.port,
            database_port=database.port,
            gateway_port=8000,
        )
