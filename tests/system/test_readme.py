"""The README's commands, as they are written there, against the stack that is up."""

import json
import re
import subprocess
import time

import pytest

from tests.support.local_stack import Stack
from workbench.project import ROOT

pytestmark = [pytest.mark.xdist_group("system"), pytest.mark.timeout(120)]

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def block_with(words: str) -> str:
    """The one block of commands that has these words in it."""
    [found] = [block for block in BLOCKS if words in block]
    return found


def run(stack: Stack, commands: str) -> subprocess.CompletedProcess[str]:
    """Bash's answer to the commands, which end with the first that fails."""
    script = commands.replace("http://localhost:8000", stack.outputs["api_url"])
    return subprocess.run(
        ["bash", "-euc", script],
        cwd=ROOT,
        env=stack.plinth.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_an_update_made_with_curl_runs_its_automation(stack: Stack) -> None:
    time.sleep(1.1)  # one item a second, and the user of the README is the one of these tests
    done = run(stack, block_with("/auth/token"))
    assert done.returncode == 0, done.stderr
    run_id = json.loads("{" + done.stdout.rpartition("}{")[2])["id"]
    finished = stack.finished(run_id)
    assert (finished["status"], finished["stdout"]) == ("succeeded", "Sending another update notification\n")


def test_the_shell_makes_users_and_runs_an_automation(stack: Stack) -> None:
    done = run(stack, block_with("create-admin").replace("root@", "readme-root@"))
    assert done.returncode == 0, done.stderr
    assert "readme-root@example.com" in done.stdout
    assert "Espresso machine" in done.stdout
    # The last of the answers is JSON, and begins a line of its own.
    listed = json.loads("{" + done.stdout.rpartition("\n{")[2])
    assert [entry["status"] for entry in listed["items"]] == ["succeeded"]
