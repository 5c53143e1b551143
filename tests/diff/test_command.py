"""Two revisions of a project, each evaluated with its own code in a process of its own, and compared."""

import os
from pathlib import Path

import pytest

from tests.support.diffs import change_lines
from tests.support.repositories import QUEUE, Repository
from workbench.diff.command import diff, fails_on
from workbench.diff.model import Diff, RiskKind, Status
from workbench.errors import UserError

QUEUE_JOBS = "aws:sqs/queue:Queue jobs"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "checkout")
    made.commit({**made.stack("dev", QUEUE.format(seconds=30)), **made.stack("prod", QUEUE.format(seconds=30))})
    return made


def compared(repository: Repository, *stacks: str, base: str = "main", head: str | None = None) -> Diff:
    return diff(base, head, stacks, root=repository.folder, state=repository.folder.parent / "state")


def test_each_stack_is_compared(repository: Repository) -> None:
    repository.write({"stacks/__main__.py": QUEUE.format(seconds=60)})
    found = compared(repository)
    assert [(stack.stack, stack.status, change_lines(stack)) for stack in found.stacks] == [
        ("dev", Status.CHANGED, [f"update {QUEUE_JOBS}: visibilityTimeoutSeconds"]),
        ("prod", Status.CHANGED, [f"update {QUEUE_JOBS}: visibilityTimeoutSeconds"]),
    ]


def test_only_the_stacks_asked_for_are_evaluated(repository: Repository) -> None:
    broken = "import pulumi\nif pulumi.get_stack() == 'prod':\n    raise ValueError('broken')\n"
    repository.write({"stacks/__main__.py": broken + QUEUE.format(seconds=30)})
    assert [(stack.stack, stack.status) for stack in compared(repository, "dev").stacks] == [("dev", Status.UNCHANGED)]


def test_each_side_is_evaluated_with_its_own_modules(repository: Repository) -> None:
    # Also modules of names that the command itself has loaded from this checkout.
    program = "from components.network import name\nimport pulumi_aws as aws\n\naws.sqs.Queue(name)\n"
    module = {"components/__init__.py": "", "components/network.py": 'name = "first"\n', "stacks/__main__.py": program}
    repository.commit(module)
    repository.write({"components/network.py": 'name = "second"\n'})
    assert change_lines(compared(repository, "dev").stacks[0]) == [
        "delete aws:sqs/queue:Queue first",
        "create aws:sqs/queue:Queue second",
    ]


def test_stacks_are_added_and_removed(repository: Repository) -> None:
    repository.git("rm", "--quiet", "-r", "stacks/dev", "stacks/Pulumi.dev.yaml")
    repository.write(repository.stack("staging", QUEUE.format(seconds=30)))
    found = compared(repository)
    assert [(stack.stack, stack.status, change_lines(stack)) for stack in found.stacks] == [
        ("dev", Status.REMOVED, [f"delete {QUEUE_JOBS}"]),
        ("prod", Status.UNCHANGED, []),
        ("staging", Status.ADDED, [f"create {QUEUE_JOBS}"]),
    ]


def test_a_base_from_before_there_were_stacks_has_none(repository: Repository) -> None:
    start = repository.git("rev-parse", "HEAD")
    repository.git("switch", "--quiet", "--orphan", "empty")
    repository.commit()
    found = compared(repository, base="empty", head=start)
    assert [stack.status for stack in found.stacks] == [Status.ADDED, Status.ADDED]


def test_a_stack_that_neither_side_has_is_told(repository: Repository) -> None:
    with pytest.raises(UserError) as told:
        compared(repository, "dev", "stage")
    assert str(told.value) == "There is no stack named 'stage' on either side: choose one of dev, prod."


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("raise ValueError('no zones')", "ValueError: no zones (stacks/__main__.py:1)"),
        ("import os; os._exit(3)", "the program ended the process that evaluates it: exit code 3"),
        ("import pulumi_aws as aws; aws.get_caller_identity()", "The program invokes aws:index/getCallerIdentity"),
    ],
)
def test_a_program_that_fails_is_told_with_its_side(repository: Repository, program: str, complaint: str) -> None:
    repository.commit({"stacks/__main__.py": program})
    commit = repository.git("rev-parse", "HEAD")
    with pytest.raises(UserError) as told:
        compared(repository, "dev", base="HEAD~1")
    assert str(told.value).startswith(f"In the working tree ({commit[:10]}): {complaint}")
    repository.commit({"stacks/__main__.py": QUEUE.format(seconds=30)})
    with pytest.raises(UserError) as told:
        compared(repository, "dev", base=commit)
    assert str(told.value).startswith(f"In {commit} ({commit[:10]}): {complaint}")


def test_what_a_program_prints_is_not_among_the_answer(repository: Repository) -> None:
    noise = "import os\nprint('{}')\nos.write(1, b'[]')\nos.system('echo noise')\n"
    repository.write({"stacks/__main__.py": noise + QUEUE.format(seconds=60)})
    assert len(change_lines(compared(repository, "dev").stacks[0])) == 1


def test_a_secret_of_the_configuration_that_changes_is_seen_and_not_shown(repository: Repository) -> None:
    program = (
        "import pulumi, pulumi_aws as aws\n"
        "aws.sqs.Queue('jobs', kms_master_key_id=pulumi.Config().require_secret('key'))\n"
    )
    secret = "  plinth:key:\n    secure: {}\n"
    repository.commit(repository.stack("dev", program, secret.format("c2VjcmV0LW9uZQ==")))
    repository.write(repository.stack("dev", program, secret.format("c2VjcmV0LXR3bw==")))
    found = compared(repository, "dev")
    assert change_lines(found.stacks[0]) == [f"update {QUEUE_JOBS}: kmsMasterKeyId"]
    assert "c2VjcmV0" not in repr(found)


def test_a_secret_that_stays_is_no_change(repository: Repository) -> None:
    program = "import pulumi, pulumi_aws as aws\naws.sqs.Queue('jobs', name=pulumi.Output.secret('hush-hush-hush'))\n"
    repository.commit({"stacks/__main__.py": program})
    repository.write({"stacks/__main__.py": f"\n{program}"})
    assert change_lines(compared(repository, "dev").stacks[0]) == []


def test_a_secret_that_loses_its_mark_is_not_shown(repository: Repository) -> None:
    program = "import pulumi, pulumi_aws as aws\naws.sqs.Queue('jobs', name={})\n"
    repository.commit({"stacks/__main__.py": program.format("pulumi.Output.secret('hush-hush-hush')")})
    repository.write({"stacks/__main__.py": program.format("'hush-hush-hush'")})
    found = compared(repository, "dev")
    assert change_lines(found.stacks[0]) == [f"replace {QUEUE_JOBS}: name!"]
    assert "hush-hush" not in repr(found)


def test_a_program_that_does_not_end_is_ended(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.diff.evaluation._PATIENCE", 2)
    repository.write({"stacks/__main__.py": "import time; time.sleep(60)"})
    with pytest.raises(UserError, match="the program did not end within 2 seconds"):
        compared(repository, "dev", base="main")


def test_other_packages_are_told(repository: Repository) -> None:
    repository.write({"locks/dev.txt": "pulumi-aws==8.0.0\n"})
    (note,) = compared(repository, "dev").notes
    assert note.startswith("locks/dev.txt differ: both sides were evaluated with the packages installed here")


def test_a_changed_stack_has_its_cost(repository: Repository) -> None:
    repository.write({"stacks/__main__.py": QUEUE.format(seconds=60)})
    dev = compared(repository, "dev").stacks[0]
    assert dev.cost is not None
    assert dev.cost.idle_after == dev.cost.idle_before


def test_the_risks_that_fail_are_named() -> None:
    assert fails_on([]) == set()
    assert fails_on(["data-loss"]) == {RiskKind.DATA_LOSS}
    assert fails_on(["data-loss, access"]) == fails_on(["access", "data-loss"]) == set(RiskKind)
    with pytest.raises(UserError) as told:
        fails_on(["data-los"])
    assert str(told.value) == "--fail-on knows no 'data-los': give data-loss, access, or both with a comma."


def test_nobody_needs_credentials(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(repository.folder.parent))
    assert len(compared(repository, "dev").stacks) == 1
