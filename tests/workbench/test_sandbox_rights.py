"""What the worker and the reaper may really do, tried with their own credentials where IAM is enforced.

The emulator does not evaluate `iam:PassRole`, nor a new function's name, layers and network: that those are limited is
asserted of the policies, in tests/components/test_sandbox_function.py.
"""

import base64
import json
from collections.abc import Callable, Generator
from typing import Any

import pulumi
import pytest

from components.python_function import PythonFunction
from components.sandbox_function import SandboxFunction
from tests.workbench.conftest import ACCOUNT, REGION
from workbench.evaluate import evaluate
from workbench.local.apply import LocalProvider
from workbench.local.cloud import Cloud
from workbench.local.handlers.lambda_ import EMPTY_ARCHIVE
from workbench.local.state import State

pytestmark = pytest.mark.xdist_group("emulator")

TEMPLATE = "plinth-rights-sandbox"
ALLOWED, DENIED = "allowed", "AccessDeniedException"
TAGS = {"plinth:run-id": "1", "plinth:expires-at": "2030-01-01T00:00:00+00:00"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{TEMPLATE}"
TRIES = """
import base64
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    wanted = event["with"]
    for key in {"ZipFile"} & wanted.keys():
        wanted[key] = base64.b64decode(wanted[key])
    if "Code" in wanted:
        wanted["Code"] = {"ZipFile": base64.b64decode(wanted["Code"])}
    try:
        getattr(boto3.client("lambda"), event["call"])(**wanted)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""

Try = Callable[..., str]


@pytest.fixture(scope="module")
def sandbox(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Generator[Cloud]:
    """A sandbox in a local cloud, with a worker and a reaper that do what they are told."""
    folder = tmp_path_factory.mktemp("code")

    def package(name: str, text: str) -> pulumi.FileArchive:
        (folder / name).mkdir()
        (folder / name / "main.py").write_text(text)
        return pulumi.FileArchive(str(folder / name))

    def program() -> None:
        sandbox = SandboxFunction(
            "sandbox",
            {
                "region": REGION,
                "account_id": ACCOUNT,
                "availability_zones": [f"{REGION}a", f"{REGION}b"],
                "code": package("template", "def handler(event, context):\n    return 'ran'\n"),
                "runner": package("runner", ""),
                "handler": "main.handler",
                "image": package("image", ""),
            },
        )
        tries = package("tries", TRIES)
        PythonFunction("worker", {"code": tries, "handler": "main.handler", "grants": [sandbox.runs()]})
        PythonFunction("reaper", {"code": tries, "handler": "main.handler", "grants": [sandbox.reaps()]})

    provider = LocalProvider(cloud, State(), lambda _step, _what: None)
    evaluate(program, provider, stack_name="rights")
    yield cloud
    for function in cloud.client("lambda").list_functions()["Functions"]:
        if function["FunctionName"].startswith("plinth-rights-"):
            cloud.client("lambda").delete_function(FunctionName=function["FunctionName"])


def tries(cloud: Cloud, function: str) -> Try:
    def call(name: str, **parameters: Any) -> str:
        answer = cloud.client("lambda").invoke(
            FunctionName=f"plinth-rights-{function}", Payload=json.dumps({"call": name, "with": parameters})
        )
        return json.loads(answer["Payload"].read())

    return call


@pytest.fixture
def worker(sandbox: Cloud) -> Try:
    """Calls the Lambda API as the worker: what came of it, in a word."""
    return tries(sandbox, "worker")


@pytest.fixture
def reaper(sandbox: Cloud) -> Try:
    """The same as the reaper."""
    return tries(sandbox, "reaper")


def clone(name: str, tags: dict[str, str] = TAGS) -> dict[str, Any]:
    return {
        "FunctionName": f"{TEMPLATE}-run-{name}",
        "Runtime": "python3.13",
        "Role": ROLE,
        "Handler": "main.handler",
        "Code": base64.b64encode(EMPTY_ARCHIVE).decode(),
        "Tags": tags,
    }


@pytest.fixture
def made(sandbox: Cloud, request: pytest.FixtureRequest) -> Generator[str]:
    """A clone, made by somebody else."""
    name = f"{TEMPLATE}-run-{request.node.name.replace('_', '')[-20:]}"
    functions = sandbox.client("lambda")
    functions.create_function(**{**clone("x"), "FunctionName": name, "Code": {"ZipFile": EMPTY_ARCHIVE}})
    yield name
    if name in [each["FunctionName"] for each in functions.list_functions()["Functions"]]:
        functions.delete_function(FunctionName=name)


def test_the_worker_makes_invokes_and_deletes_a_clone(worker: Try) -> None:
    name = f"{TEMPLATE}-run-whole"
    assert worker("get_function", FunctionName=TEMPLATE) == ALLOWED
    assert worker("create_function", **clone("whole")) == ALLOWED
    assert worker("get_function", FunctionName=name) == ALLOWED
    assert worker("invoke", FunctionName=name) == ALLOWED
    assert worker("delete_function", FunctionName=name) == ALLOWED
    assert worker("get_function", FunctionName=name) == "ResourceNotFoundException"


def test_a_clone_that_is_gone_has_no_tag_any_more_and_so_cannot_be_deleted_again(worker: Try, reaper: Try) -> None:
    for tried in (worker, reaper):
        assert tried("delete_function", FunctionName=f"{TEMPLATE}-run-never") == DENIED
        assert tried("get_function", FunctionName=f"{TEMPLATE}-run-never") == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "tags", [{}, {"plinth:run-id": "1"}, {"plinth:expires-at": "2030"}, {**TAGS, "other": "x"}], ids=len
)
def test_the_worker_makes_no_function_without_exactly_the_tags_of_a_clone(worker: Try, tags: dict[str, str]) -> None:
    assert worker("create_function", **clone("untagged", tags)) == DENIED


@pytest.mark.parametrize("name", [TEMPLATE, "plinth-rights-reaper", "plinth-rights-worker"])
@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("invoke", {}),
        ("delete_function", {}),
        ("update_function_code", {"ZipFile": base64.b64encode(EMPTY_ARCHIVE).decode()}),
        ("update_function_configuration", {"Timeout": 900}),
        ("put_function_concurrency", {"ReservedConcurrentExecutions": 1}),
        (
            "add_permission",
            {"StatementId": "x", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"},
        ),
    ],
)
def test_neither_does_anything_to_a_function_that_is_no_clone(
    worker: Try, reaper: Try, name: str, call: str, parameters: dict[str, Any]
) -> None:
    for tried in (worker, reaper):
        assert tried(call, FunctionName=name, **parameters) == DENIED


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("update_function_code", {"ZipFile": base64.b64encode(EMPTY_ARCHIVE).decode()}),
        ("update_function_configuration", {"VpcConfig": {}}),
        ("publish_version", {}),
    ],
)
def test_a_clone_stays_as_it_was_made(
    worker: Try, reaper: Try, made: str, call: str, parameters: dict[str, Any]
) -> None:
    for tried in (worker, reaper):
        assert tried(call, FunctionName=made, **parameters) == DENIED


def test_a_function_that_only_has_a_clones_name_is_neither_invoked_nor_deleted(
    sandbox: Cloud, worker: Try, reaper: Try
) -> None:
    name = f"{TEMPLATE}-run-of-somebody"
    untagged = {**clone("x", {}), "FunctionName": name, "Code": {"ZipFile": EMPTY_ARCHIVE}}
    sandbox.client("lambda").create_function(**untagged)
    assert worker("invoke", FunctionName=name) == DENIED
    for tried in (worker, reaper):
        assert tried("delete_function", FunctionName=name) == DENIED


def test_the_reaper_finds_and_deletes_clones_and_runs_nothing(reaper: Try, made: str) -> None:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{made}"
    assert reaper("list_functions") == ALLOWED
    assert reaper("list_tags", Resource=arn) == ALLOWED
    assert reaper("invoke", FunctionName=made) == DENIED
    assert reaper("create_function", **clone("reaped")) == DENIED
    assert reaper("delete_function", FunctionName=made) == ALLOWED


def test_the_worker_lists_nothing(worker: Try) -> None:
    assert worker("list_functions") == DENIED
