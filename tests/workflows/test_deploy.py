"""What is merged goes to dev, then to prod: previewed, kept to its plan, and asked whether it lives."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.support.expressions import text
from tests.support.workflows import Machine, Run, loaded, run_job

READY = {"AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/plinth-dev-deploy", "AWS_REGION": "eu-central-1"}
READY |= {"PULUMI_BACKEND_URL": "s3://state"}
MERGED: Mapping[str, Any] = {"event_name": "push", "ref": "refs/heads/main"}


@contextmanager
def served(*ready: int) -> Iterator[str]:
    """An API that is live, and answers what it is asked of its readiness with these codes in turn, then with 200."""
    codes = list(ready)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            live = self.path == "/health/live"
            code = 200 if live or not codes else codes.pop(0)
            body = json.dumps({"status": "live" if live else "ready" if code == 200 else "not ready"}).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # as it is called there
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def deployed(
    machine: Machine,
    api: str = "",
    github: Mapping[str, Any] = MERGED,
    variables: Mapping[str, str] = READY,
    inputs: Mapping[str, Any] | None = None,
    fails: str = "never",
) -> dict[str, Run | None]:
    """Runs the jobs of the workflow in the order of their needs, those alone whose needs have passed."""
    machine.program(
        "pulumi",
        f'if [[ "$*" == *"stack output api_url"* ]]; then echo {api}; fi\n'
        f'if [[ "$*" == *"stack output docs_url"* ]]; then echo {api}/docs; fi\n'
        f'if [[ "$*" == {fails}* ]]; then exit 1; fi',
    )
    machine.environment |= {"SMOKE_ATTEMPTS": "3", "SMOKE_PAUSE_SECONDS": "0"}
    done = dict[str, Run | None]()
    waiting = dict(loaded("deploy.yml")["jobs"])
    while waiting:
        name = next(name for name, job in waiting.items() if job.get("needs") in (None, *done))
        job = waiting.pop(name)
        needed = done.get(job.get("needs"))
        if job.get("needs") is not None and (needed is None or needed.status != "success"):
            done[name] = None
            continue
        contexts = {"github": github, "inputs": inputs or {}}
        given = {key: text(value, contexts) for key, value in job["with"].items()}
        assert job["uses"] == "./.github/workflows/deploy-stack.yml"
        typed = {**given, "plan": given["plan"] == "true"}
        done[name] = run_job(machine, "deploy-stack.yml", "deploy", github=github, variables=variables, inputs=typed)
    return done


def commands(stack: str, *, plan: bool = True) -> list[str]:
    saved, kept = (" --save-plan TEMP/plan.json", " --plan TEMP/plan.json") if plan else ("", "")
    rest = f"--stack {stack} --policy-pack policies"
    return [
        f"pulumi preview {rest} --diff --non-interactive{saved}",
        f"pulumi up {rest} --yes --skip-preview --non-interactive{kept}",
        f"pulumi stack output api_url --stack {stack} --non-interactive",
        f"pulumi stack output docs_url --stack {stack} --non-interactive",
    ]


def test_dev_comes_before_prod_and_each_is_kept_to_its_plan(machine: Machine) -> None:
    with served() as api:
        done = deployed(machine, api)
    assert [*done] == ["dev", "prod"]
    assert [run and run.status for run in done.values()] == ["success", "success"]
    assert machine.calls == [*commands("dev"), *commands("prod")]


def test_prod_is_not_deployed_when_dev_has_failed(machine: Machine) -> None:
    done = deployed(machine, fails='"up "')
    assert [run and run.status for run in done.values()] == ["failure", None]
    assert machine.calls == commands("dev")[:2]


def test_nothing_is_deployed_whose_preview_breaks_a_policy(machine: Machine) -> None:
    deployed(machine, fails='"preview "')
    assert machine.calls == commands("dev")[:1]


def test_prod_is_not_deployed_when_dev_does_not_answer(machine: Machine) -> None:
    with served(503, 503, 503) as api:
        done = deployed(machine, api)
    dev = done["dev"]
    assert dev is not None
    assert (dev.status, done["prod"]) == ("failure", None)
    assert dev.annotations == ["::error::/health/ready did not answer as it should."]


def test_a_stack_has_a_while_to_become_ready(machine: Machine) -> None:
    with served(503, 503) as api:
        dev = deployed(machine, api)["dev"]
    assert dev is not None
    assert (dev.status, dev.log.splitlines()[-1]) == ("success", "/health/ready: ready, at attempt 3")


@pytest.mark.parametrize("address", ["", "file:///etc/passwd", "http://elsewhere.example.com"])
def test_an_output_that_is_no_address_fails(machine: Machine, address: str) -> None:
    dev = deployed(machine, address)["dev"]
    assert dev is not None
    assert (dev.status, len(dev.annotations)) == ("failure", 1)


def test_by_hand_it_can_be_deployed_without_a_plan(machine: Machine) -> None:
    by_hand = {"event_name": "workflow_dispatch", "ref": "refs/heads/main"}
    with served() as api:
        deployed(machine, api, github=by_hand, inputs={"plan": False})
    assert machine.calls == [*commands("dev", plan=False), *commands("prod", plan=False)]


def test_no_other_branch_is_deployed(machine: Machine) -> None:
    by_hand = {"event_name": "workflow_dispatch", "ref": "refs/heads/mine"}
    assert deployed(machine, github=by_hand, inputs={"plan": True}) == {"dev": None, "prod": None}


def test_without_an_account_nothing_is_deployed_and_the_run_is_green(machine: Machine) -> None:
    done = deployed(machine, variables={})
    assert machine.calls == []
    for stack, run in done.items():
        assert run is not None
        assert (run.status, run.used) == ("success", [])
        wanted = f"::notice::Skipped: the environment {stack} has no variables AWS_ROLE_ARN and PULUMI_BACKEND_URL "
        assert run.annotations == [f"{wanted}(docs/operations.md)."]


def test_a_deployment_waits_for_the_one_before() -> None:
    document = loaded("deploy.yml")
    assert document["concurrency"] == {"group": "deploy", "cancel-in-progress": False}
    assert loaded("deploy-stack.yml")["jobs"]["deploy"]["environment"]["name"] == "${{ inputs.stack }}"
