"""The examples of docs/using-the-components.md are programs that the real engine deploys."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.engine import Pulumi, environment_like_ours, installed, needs_engine, of_the_program
from workbench.project import ROOT

pytestmark = [needs_engine, pytest.mark.xdist_group("engine"), pytest.mark.timeout(600)]

DOCUMENT = (ROOT / "docs" / "using-the-components.md").read_text()

CHILDREN = [
    "plinth:index:HttpApi$aws:apigatewayv2/api:Api::api",
    "plinth:index:HttpApi$aws:apigatewayv2/integration:Integration::api-integration",
    "plinth:index:HttpApi$aws:apigatewayv2/route:Route::api-post-orders",
    "plinth:index:HttpApi$aws:apigatewayv2/stage:Stage::api-stage",
    "plinth:index:HttpApi$aws:cloudwatch/logGroup:LogGroup::api-access-log",
    "plinth:index:HttpApi$aws:lambda/permission:Permission::api-permission",
    "plinth:index:HttpApi::api",
    "plinth:index:PythonFunction$aws:cloudwatch/logGroup:LogGroup::front-logs",
    "plinth:index:PythonFunction$aws:cloudwatch/logGroup:LogGroup::worker-logs",
    "plinth:index:PythonFunction$aws:iam/role:Role::front-role",
    "plinth:index:PythonFunction$aws:iam/role:Role::worker-role",
    "plinth:index:PythonFunction$aws:iam/rolePolicy:RolePolicy::front-policy",
    "plinth:index:PythonFunction$aws:iam/rolePolicy:RolePolicy::worker-policy",
    "plinth:index:PythonFunction$aws:lambda/alias:Alias::front-live",
    "plinth:index:PythonFunction$aws:lambda/alias:Alias::worker-live",
    "plinth:index:PythonFunction$aws:lambda/eventSourceMapping:EventSourceMapping::worker-from-jobs",
    "plinth:index:PythonFunction$aws:lambda/function:Function::front",
    "plinth:index:PythonFunction$aws:lambda/function:Function::worker",
    "plinth:index:PythonFunction::front",
    "plinth:index:PythonFunction::worker",
    "plinth:index:WorkQueue$aws:sqs/queue:Queue::jobs",
    "plinth:index:WorkQueue$aws:sqs/queue:Queue::jobs-dead-letters",
    "plinth:index:WorkQueue$aws:sqs/queuePolicy:QueuePolicy::jobs-dead-letters-policy",
    "plinth:index:WorkQueue$aws:sqs/queuePolicy:QueuePolicy::jobs-policy",
    "plinth:index:WorkQueue$aws:sqs/redriveAllowPolicy:RedriveAllowPolicy::jobs-dead-letters-source",
    "plinth:index:WorkQueue::jobs",
]


def example(language: str) -> str:
    """The document's first example in a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.fixture
def pulumi(tmp_path: Path) -> Pulumi:
    return installed(tmp_path)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder for the program, with the code of its two functions."""
    folder = tmp_path / "program"
    for function in ("worker", "front"):
        (folder / function).mkdir(parents=True)
        (folder / function / "main.py").write_text("def handler(event, context):\n    return event\n")
    return folder


def project(pulumi: Pulumi, text: str) -> str:
    """A project file that takes the package from the checkout."""
    providers = [{"name": "plinth", "path": str(pulumi.checkout / "components")}]
    region = {"aws:region": {"value": "eu-central-1"}}
    return f"{text}\n{yaml.safe_dump({'config': region, 'plugins': {'providers': providers}})}"


def lives(pulumi: Pulumi, program: Path) -> None:
    """Deploys the program, finds nothing to change, and destroys it."""
    pulumi.done("stack", "init", "test", cwd=program)
    preview = json.loads(pulumi.done("preview", "--stack", "test", "--json", cwd=program))
    pulumi.done("up", "--stack", "test", "--yes", "--skip-preview", cwd=program)
    state: Any = of_the_program(json.loads(pulumi.done("stack", "export", cwd=program))["deployment"]["resources"])
    previewed = of_the_program([step["newState"] for step in preview["steps"]])
    assert sorted(urn.split("::", 2)[2] for urn in previewed) == CHILDREN
    assert sorted(urn.split("::", 2)[2] for urn in state) == CHILDREN
    policies = {
        each["urn"].rpartition("::")[2]: json.loads(each["inputs"]["policy"])["Statement"]
        for each in state.values()
        if each["type"] == "aws:iam/rolePolicy:RolePolicy"
    }
    queue = "arn:aws:sqs:eu-central-1:111111111111:orders-test-jobs"
    assert [each["Action"] for each in policies["front-policy"] if each["Resource"] == [queue]] == [["sqs:SendMessage"]]
    assert [each["Action"] for each in policies["worker-policy"] if each["Resource"] == [queue]] == [
        ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    ]
    pulumi.done("preview", "--stack", "test", "--expect-no-changes", cwd=program)
    pulumi.done("destroy", "--stack", "test", "--yes", "--skip-preview", cwd=program)


@pytest.mark.skipif(
    shutil.which("pulumi-language-yaml") is None, reason="Pulumi's language host for YAML is not on PATH."
)
def test_a_program_in_yaml_lives(pulumi: Pulumi, program: Path) -> None:
    (program / "Pulumi.yaml").write_text(project(pulumi, example("yaml")))
    lives(pulumi, program)


def test_a_program_in_python_elsewhere_lives(pulumi: Pulumi, program: Path) -> None:
    (program / "Pulumi.yaml").write_text(
        project(pulumi, "name: orders\nruntime: {name: python, options: {toolchain: pip, virtualenv: venv}}")
    )
    (program / "__main__.py").write_text(example("python"))
    pulumi.done(
        "package",
        "gen-sdk",
        str(pulumi.checkout / "components" / "schema.json"),
        "--language",
        "python",
        "--out",
        "sdk",
        cwd=program,
    )
    packages = environment_like_ours(program / "venv")
    (program / "sdk" / "python" / "pulumi_plinth").rename(packages / "pulumi_plinth")
    (packages / "pulumi_plinth-0.1.0.dist-info").mkdir()
    (packages / "pulumi_plinth-0.1.0.dist-info" / "METADATA").write_text("Name: pulumi_plinth\nVersion: 0.1.0\n")
    lives(pulumi, program)
