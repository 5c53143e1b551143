"""`plinth new-stack`: a stack from one that is there, whole or not at all, that is good for everything at once."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest
from ruff import find_ruff_bin

from tests.support.checkout import copy_of_checkout, edit
from tests.support.evaluation import stack_manifest
from tests.support.folders import server_folder
from tests.support.local_stack import Plinth
from workbench.errors import UserError
from workbench.local.processes import free_port
from workbench.project import ROOT, configuration, stack_names
from workbench.scaffold import new_stack

SETTINGS = '''"""The dev stack: small, and
free to be destroyed."""

from stacks.dev.extra import BUCKETS
from stacks.environment import environment
from stacks.settings import StackSettings


def deploy() -> None:
    """Registers the stack's resources and outputs."""
    environment(
        StackSettings(
            stack="dev",  # the dev stack, as stacks/dev says; not /dev/null, nor devices
            zones="ab",
            # Customers know it
            # by this name.
            api_domain="é.example.com",  # since 2020
            api_domain_zone_id="Z1",
            api_certificate_arn=None,
            github_oidc_provider_arn="arn:aws:iam::123412341234:oidc-provider/token.actions.githubusercontent.com",
            cors_origins=("http://dev.example.com",),
        ),
        BUCKETS,
    )
'''

CONFIGURATION = """\
# For the dev stack, see stacks/dev.
secretsprovider: passphrase
encryptionsalt: v1:salt
config:
  # Put the account's own number here: it is a placeholder.
  plinth:accountId: "123412341234"   # the account
  aws:allowedAccountIds: ["123412341234"]
  plinth:token:
    secure: AAAB
  aws:region: eu-central-1
  aws:defaultTags:
    tags:
      stack: dev
      plinth:project: developer
  plinth:greeting: dev
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one stack, whose texts are as awkward as they may be."""
    package = tmp_path / "stacks" / "dev"
    (package / "data").mkdir(parents=True)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "extra.cpython-311.pyc").write_bytes(b"compiled")
    (package / "__init__.py").write_text(SETTINGS)
    (package / "extra.py").write_text('BUCKETS = ("dev",)  # of the dev stack\n')
    (package / "data" / "logo.bin").write_bytes(b"\x00\xff")
    (tmp_path / "Pulumi.yaml").write_text("name: plinth\nruntime: python\nmain: stacks\nstackConfigDir: stacks\n")
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(CONFIGURATION)
    (tmp_path / "stacks" / "settings.py").write_text("")
    return tmp_path


def contents(folder: Path) -> Mapping[str, bytes]:
    """All files below a folder but those that were compiled."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_settings_change_in_name_and_docstring_and_lose_what_is_one_stacks_alone(project: Path) -> None:
    made = new_stack("staging", root=project)
    assert (project / "stacks" / "staging" / "__init__.py").read_text() == (
        '''"""The staging stack, with the settings that dev had when it was made from it."""

from stacks.staging.extra import BUCKETS
from stacks.environment import environment
from stacks.settings import StackSettings


def deploy() -> None:
    """Registers the stack's resources and outputs."""
    environment(
        StackSettings(
            stack="staging",  # the staging stack, as stacks/staging says; not /dev/null, nor devices
            zones="ab",
            api_certificate_arn=None,
            github_oidc_provider_arn="arn:aws:iam::123412341234:oidc-provider/token.actions.githubusercontent.com",
            cors_origins=("http://dev.example.com",),
        ),
        BUCKETS,
    )
'''
    )
    assert made.left_out == ["api_domain", "api_domain_zone_id", "encryptionsalt", "plinth:token"]


def test_the_configuration_changes_in_name_and_tags_and_loses_its_secrets(project: Path) -> None:
    new_stack("staging", root=project)
    assert (project / "stacks" / "Pulumi.staging.yaml").read_text() == (
        """\
# For the staging stack, see stacks/staging.
secretsprovider: passphrase
config:
  # Put the account's own number here: it is a placeholder.
  plinth:accountId: "123412341234"   # the account
  aws:allowedAccountIds: ["123412341234"]
  aws:region: eu-central-1
  aws:defaultTags:
    tags:
      stack: staging
      plinth:project: developer
  plinth:greeting: dev
"""
    )


def test_another_account_and_region_stand_wherever_the_old_ones_stood(project: Path) -> None:
    made = new_stack("staging", account="210987654321", region="us-west-2", root=project)
    assert (project / "stacks" / "Pulumi.staging.yaml").read_text() == (
        """\
# For the staging stack, see stacks/staging.
secretsprovider: passphrase
config:
  plinth:accountId: "210987654321"   # the account
  aws:allowedAccountIds: ["210987654321"]
  aws:region: us-west-2
  aws:defaultTags:
    tags:
      stack: staging
      plinth:project: developer
  plinth:greeting: dev
"""
    )
    assert "oidc" not in (project / "stacks" / "staging" / "__init__.py").read_text()
    assert made.left_out == [
        "api_domain",
        "api_domain_zone_id",
        "github_oidc_provider_arn",
        "encryptionsalt",
        "plinth:token",
    ]


def test_the_whole_package_is_copied_and_nothing_that_was_compiled(project: Path) -> None:
    before = contents(project)
    made = new_stack("staging", root=project)
    after = contents(project)
    assert sorted(after.keys() - before.keys()) == sorted(made.files)
    assert made.files == [
        "stacks/Pulumi.staging.yaml",
        "stacks/staging/__init__.py",
        "stacks/staging/data/logo.bin",
        "stacks/staging/extra.py",
    ]
    assert {place: after[place] for place in before} == before
    assert after["stacks/staging/extra.py"] == b'BUCKETS = ("dev",)  # of the staging stack\n'
    assert after["stacks/staging/data/logo.bin"] == b"\x00\xff"
    assert not (project / "stacks" / "staging" / "__pycache__").exists()


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"name": "Staging"}, r"'Staging' will not do: give a name of 2 to 12 lower-case letters and digits, "),
        ({"name": "s"}, r"'s' will not do: give a name of 2 to 12 "),
        ({"name": "a" * 13}, r"'a{13}' will not do: give a name of 2 to 12 "),
        ({"name": "two-words"}, r"'two-words' will not do: "),
        ({"name": "../dev"}, r"'\.\./dev' will not do: "),
        ({"name": "dev"}, r"stacks/dev is there already: give another name, or remove it first\."),
        ({"name": "settings"}, r"stacks/settings\.py is there already: "),
        ({"name": "json"}, r"'json' is a Python module, which a stack of that name would hide: give another name\."),
        ({"name": "pulumi"}, r"'pulumi' is a Python module, "),
        ({"name": "service"}, r"'service' is a Python module, "),
        ({"name": "class"}, r"'class' is a word of Python itself: give another name\."),
        ({"name": "staging", "source": "qa"}, r"There is no stack named 'qa': give --from dev\."),
        ({"name": "staging", "account": "12345678901"}, r"'12345678901' will not do: give --account the 12 digits "),
        ({"name": "staging", "account": "12345678901a"}, r"'12345678901a' will not do: give --account "),
        ({"name": "staging", "region": "Frankfurt"}, r"'Frankfurt' will not do: give --region a region such as "),
    ],
    ids=lambda given: " ".join(given.values()) if isinstance(given, dict) else "",
)
def test_what_will_not_do_is_refused_with_what_to_give_and_nothing_written(
    given: dict[str, str], refusal: str, project: Path
) -> None:
    before = contents(project)
    with pytest.raises(UserError, match=f"^{refusal}"):
        new_stack(**given, root=project)
    assert contents(project) == before


def test_settings_that_do_not_say_whose_they_are_cannot_be_copied(project: Path) -> None:
    edit(project / "stacks" / "dev" / "__init__.py", 'stack="dev"', "stack=NAME")
    before = contents(project)
    with pytest.raises(UserError, match=r"^stacks/dev nowhere gives its settings stack='dev': write it so"):
        new_stack("staging", root=project)
    assert contents(project) == before


def test_a_configuration_without_a_stack_is_not_overwritten(project: Path) -> None:
    (project / "stacks" / "Pulumi.staging.yaml").write_text("config: {}\n")
    before = contents(project)
    with pytest.raises(UserError, match=r"^stacks/Pulumi\.staging\.yaml is there already, without a stack: "):
        new_stack("staging", root=project)
    assert contents(project) == before


def test_a_package_that_appears_meanwhile_stays_and_nothing_else_is_left(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def link_and_be_overtaken(source: Path, target: Path) -> None:
        link(source, target)
        (project / "stacks" / "staging").mkdir()
        (project / "stacks" / "staging" / "theirs.py").write_text("")

    monkeypatch.setattr(os, "link", link_and_be_overtaken)
    before = contents(project)
    with pytest.raises(UserError, match=r"^stacks/staging could not be written: Directory not empty\.$"):
        new_stack("staging", root=project)
    assert contents(project) == {**before, "stacks/staging/theirs.py": b""}


@pytest.mark.parametrize("step", ["Path.mkdir", "Path.write_bytes", "Path.write_text", "os.link", "Path.rename"])
def test_a_kill_at_any_step_leaves_no_stack_and_nothing_in_the_way_of_the_next_attempt(
    step: str, project: Path
) -> None:
    program = f"""
import os, signal, sys
from pathlib import Path
from workbench.scaffold import new_stack

def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

from stacks.rules import VALUES
{step} = die
new_stack("staging", root=Path({str(project)!r}))
"""
    killed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert stack_names(project) == ["dev"]
    assert new_stack("staging", root=project).files[1] == "stacks/staging/__init__.py"
    assert stack_names(project) == ["dev", "staging"]


@pytest.fixture
def plinth(tmp_path: Path) -> Generator[Plinth]:
    """The command of a copy of the checkout, in which stacks may be made."""
    (tmp_path / "checkout").mkdir()
    with server_folder() as state:
        yield Plinth(state, copy_of_checkout(tmp_path / "checkout"))


@pytest.mark.parametrize(
    ("source", "given"),
    [("dev", {}), ("prod", {"account": "210987654321", "region": "eu-west-1"})],
    ids=["dev", "prod elsewhere"],
)
def test_a_new_stack_evaluates_and_passes_the_policies_and_the_formatter_at_once(
    source: str, given: dict[str, str], plinth: Plinth
) -> None:
    made = plinth("new-stack", "staging", "--from", source, "--json", *(f"--{key}={given[key]}" for key in given))
    assert made.returncode == 0, made.stderr
    document = json.loads(made.stdout)
    assert document["files"] == ["stacks/Pulumi.staging.yaml", "stacks/staging/__init__.py"]
    before = configuration(source)
    there = {"account": before.account, "region": before.region, **given}
    assert {key: document[key] for key in there} == there

    ours = plinth("manifest", "staging", "--json").stdout
    theirs = "\n".join(resource.urn for resource in stack_manifest(source).resources)
    for old, new in (
        (before.account, there["account"]),
        (before.region, there["region"]),
        (f"urn:pulumi:{source}:", "urn:pulumi:staging:"),
    ):
        theirs = theirs.replace(old, new)
    assert sorted(resource["urn"] for resource in json.loads(ours)["resources"]) == sorted(theirs.splitlines())
    # What AWS knows things by, and the tags, which tell the bills apart.
    assert re.findall(rf"plinth-{source}\b|/{source}\b", ours) == []
    assert configuration("staging", plinth.checkout).values["aws:defaultTags"] == before.values[
        "aws:defaultTags"
    ].replace(f'"{source}"', '"staging"')

    checked = plinth("check", "staging")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for command in (["format", "--check"], ["check"]):
        told = subprocess.run(
            [find_ruff_bin(), *command, "stacks"], cwd=plinth.checkout, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stdout + told.stderr


def test_it_tells_what_it_wrote_and_what_comes_next(plinth: Plinth) -> None:
    made = plinth("new-stack", "staging")
    assert made.returncode == 0, made.stderr
    account, config = configuration("dev").account, "stacks/Pulumi.staging.yaml"
    assert len(set(account)) == 1
    assert made.stdout.splitlines() == [
        "Wrote stacks/Pulumi.staging.yaml",
        "Wrote stacks/staging/__init__.py",
        f"The account {account} is a placeholder: put the stack's own into {config} before deploying it",
        "",
        "Next:",
        "  $EDITOR stacks/staging/__init__.py           # say what it is for, and how large it is",
        "  plinth check staging                         # what the policies say of it",
        "  plinth up staging                            # run it on this machine",
        "  pulumi stack init staging && pulumi preview  # what AWS would get",
    ]


def test_the_account_is_told_where_it_is_a_real_one(project: Path) -> None:
    told = [*new_stack("staging", root=project).told()]
    assert told[4:6] == [
        "Left out, as it is dev's own: api_domain, api_domain_zone_id, encryptionsalt, plinth:token",
        "The account is dev's, 123412341234: change it in stacks/Pulumi.staging.yaml where it should be another",
    ]
    given = [*new_stack("second", account="210987654321", root=project).told()]
    assert [line for line in given if "account" in line] == []


GUIDE = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "adding-a-stack.md").read_text(), re.DOTALL)


@pytest.mark.timeout(240)
def test_the_guides_commands_make_run_and_remove_a_stack_as_they_are_written(plinth: Plinth) -> None:
    here = "".join(block for block in GUIDE if not block.startswith("pulumi "))
    port = free_port()
    script = here.replace("up staging --detach", f"up staging --detach --port {port}").replace(":8000/", f":{port}/")
    assert script.count(str(port)) == 2
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=plinth.checkout,
        env={**plinth.environment, "EDITOR": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("staging ")]
    assert told[-2:] == ["staging is down.", "staging was not up."]
    assert '"status":"ready"' in done.stdout.replace(" ", "")
    assert stack_names(plinth.checkout) == stack_names(ROOT)
    assert not (plinth.checkout / "stacks" / "Pulumi.staging.yaml").exists()


def test_only_commands_of_pulumi_are_left_out_of_that() -> None:
    left_out = [line for block in GUIDE if block.startswith("pulumi ") for line in block.splitlines()]
    assert [line.split()[:2] for line in left_out] == [
        ["pulumi", "stack"],
        ["pulumi", "preview"],
        ["pulumi", "up"],
        ["pulumi", "destroy"],
        ["pulumi", "stack"],
    ]


def test_a_refusal_is_one_line_and_ends_with_2(plinth: Plinth) -> None:
    refused = plinth("new-stack", "dev")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "plinth: stacks/dev is there already: give another name, or remove it first.\n"


@pytest.mark.parametrize("command", [["up", "dev"], ["down", "dev"], ["status"]], ids=lambda command: command[0])
def test_a_folder_for_state_that_cannot_be_one_is_told_in_a_line(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = Plinth(tmp_path / "file")(*command)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.fullmatch(
        rf"plinth: {re.escape(str(tmp_path))}/file/\S+ cannot be written: Not a directory\. "
        r"Mend that, or set PLINTH_STATE_DIR\.\n",
        refused.stderr,
    )
