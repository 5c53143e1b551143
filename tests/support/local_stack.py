"""The `plinth` command and a stack that it brought up, as a test uses them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from workbench.local.cloud import emulator_client
from workbench.project import ROOT, configuration

ACCOUNT = "111111111111"
REGION = "eu-central-1"


@dataclass(frozen=True)
class Plinth:
    """The `plinth` command of a checkout, with a state folder of its own."""

    state: Path
    checkout: Path = ROOT

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PLINTH_STATE_DIR": str(self.state), "PYTHONPATH": str(self.checkout), "COLUMNS": "200"}

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "workbench"]

    def __call__(self, *arguments: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environment,
            cwd=self.checkout,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.checkout,
        )

    def processes(self, stack: str = "dev") -> Mapping[str, Mapping[str, Any]]:
        """The recorded processes of a stack: name to pid, creation time and port."""
        return json.loads((self.state / stack / "processes.json").read_text())

    def client(self, service: str, stack: str = "dev") -> Any:
        """A boto3 client on a stack's emulator."""
        config = configuration(stack, self.checkout)
        return emulator_client(service, self.processes(stack)["emulator"]["port"], config.region, config.account)


PASSWORD = "correct horse battery"


def sign_up(client: httpx2.Client, email: str) -> str:
    """Registers a user with `PASSWORD` and signs in; the Authorization header to send from then on."""
    registration = {"email": email, "password": PASSWORD}
    registered = client.post("/v1/auth/register", json=registration)
    while registered.status_code == 429:
        # All tests register from one address.
        time.sleep(int(registered.headers["Retry-After"]))
        registered = client.post("/v1/auth/register", json=registration)
    assert registered.status_code == 201, registered.text
    answer = client.post("/v1/auth/token", data={"username": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return f"Bearer {answer.json()['access_token']}"


@dataclass(frozen=True)
class Stack:
    """The dev stack that is up for the whole run of the tests. `http` is signed in as a member."""

    plinth: Plinth
    outputs: Mapping[str, Any]
    http: httpx2.Client

    def create_item(self, **fields: Any) -> dict[str, Any]:
        """Creates an item, waiting out the limit of one a second."""
        body = {"name": "Espresso machine", "description": "Silver dual boiler machine", **fields}
        return self._created("/v1/items", body)

    def automate(self, item: Mapping[str, Any], code: str) -> dict[str, Any]:
        """Attaches an enabled automation to an item."""
        body = {"name": "notify", "code": code, "item_id": item["id"], "enabled": True}
        return self._created("/v1/automations", body)

    def _created(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        for _ in range(100):
            answer = self.http.post(path, json=body)
            if answer.status_code != 429:
                assert answer.status_code == 201, answer.text
                return answer.json()
            time.sleep(0.2)
        pytest.fail(f"the limit on {path} never let one through")

    def finished(self, run_id: str) -> dict[str, Any]:
        """A run once it has ended and its sandbox is gone."""
        return self.waited_for(run_id, lambda run: run["finished_at"] and run["destroyed_at"])

    def waited_for(self, run_id: str, done: Callable[[dict[str, Any]], Any], seconds: float = 60) -> dict[str, Any]:
        """A run once it is as wanted."""
        deadline = time.monotonic() + seconds
        run: dict[str, Any] = {}
        while time.monotonic() < deadline:
            answer = self.http.get(f"/v1/runs/{run_id}")
            if answer.status_code == 200:
                run = answer.json()
                if done(run):
                    return run
            time.sleep(0.2)
        pytest.fail(f"the run did not end: {run}\n{self.plinth('logs', 'dev').stdout[-3000:]}")

    def sandboxes(self, stack: str = "dev") -> list[str]:
        """The sandboxes that exist in the local cloud at this moment."""
        pages = self.plinth.client("lambda", stack).get_paginator("list_functions").paginate()
        names = [function["FunctionName"] for page in pages for function in page["Functions"]]
        return [name for name in names if "-run-" in name]
