"""Each command of `python -m service`: what it prints, what it refuses and how it ends."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from service.api_keys.schemas import ApiKeyRead
from service.auth import passwords
from service.automations.models import Automation
from service.automations.schemas import AutomationQuery
from service.cli import arguments
from service.cli.demo import EXHIBITS
from service.cli.perform import _command  # pyright: ignore[reportPrivateUsage]
from service.core.actor import Actor
from service.core.pagination import PageQuery
from service.core.settings import get_settings
from service.items.models import Item
from service.items.schemas import ItemQuery
from service.runs import dispatch
from service.runs.sandbox import RunOutcome
from service.runs.schemas import RunQuery
from tests.service.conftest import Sessions
from tests.service.test_execute import FakeSandbox, turn
from tests.support.shell import Told, shell

COMMAND_LINE = arguments._command_line()  # pyright: ignore[reportPrivateUsage]
UNKNOWN = UUID("01890000-0000-7000-8000-000000000000")
PASSWORD = "an otter reads at noon"
OUTPUT = RunOutcome(status="succeeded", exit_code=0, stdout="told\n\x1b[31mred\n", result=[1], duration_ms=12)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "work", passwords.Work(passes=1, memory_kib=8, lanes=1))


@pytest.fixture
def as_ada(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever types is the member who owns the fixtures."""
    monkeypatch.setenv("PLINTH_USER", "ada@example.com")


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of every command below that one."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # pyright: ignore[reportPrivateUsage]
    if not below:
        yield parser
    for action in below:
        for choice in action.choices.values():
            yield from commands(choice)


ACTIONS = {
    "items": ["create", "list", "show", "update", "delete"],
    "automations": ["create", "list", "show", "update", "enable", "disable", "delete"],
    "runs": ["list", "show", "watch", "cancel", "rerun"],
    "run-automation": [""],
    "api-keys": ["create", "list", "revoke"],
    "users": ["create", "list", "show", "set-role", "set-password", "delete"],
    "create-admin": [""],
    "seed-demo": [""],
    "openapi": [""],
    "migrate": [""],
    "make-signing-keys": [""],
    "work": [""],
}


def test_every_command_has_a_function_and_a_purpose() -> None:
    found = list(commands(COMMAND_LINE))
    names = [f"python -m service {group} {action}".rstrip() for group in ACTIONS for action in ACTIONS[group]]
    assert [parser.prog for parser in found] == names
    for parser in found:
        assert callable(_command(parser.get_default("command")))
        assert parser.description
        assert shell(*parser.prog.split()[3:], "--help").code == 0


@pytest.mark.parametrize("query", [ItemQuery, AutomationQuery, RunQuery, PageQuery], ids=lambda query: query.__name__)
def test_every_option_of_a_list_over_http_is_one_here(query: type[PageQuery]) -> None:
    lists = {
        ItemQuery: ["items list"],
        AutomationQuery: ["automations list"],
        RunQuery: ["runs list"],
        PageQuery: ["users list", "api-keys list"],
    }
    own = {"help", "user", "json", "all"}
    for parser in commands(COMMAND_LINE):
        if parser.prog.removeprefix("python -m service ") in lists[query]:
            options = {action.dest for action in parser._actions} - own  # pyright: ignore[reportPrivateUsage]
            assert options == set(query.model_fields)


NOBODY = "Say on whose behalf: --as EMAIL, or set PLINTH_USER.\n"


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        ("items list", 2, NOBODY),
        ("automations list", 2, NOBODY),
        ("api-keys list", 2, NOBODY),
        (f"runs show {UNKNOWN}", 2, NOBODY),
        (f"run-automation {UNKNOWN}", 2, NOBODY),
        ("runs watch", 2, NOBODY),
        ("--as nobody@example.com items list", 1, "There is no user nobody@example.com.\n"),
        ("items list --as nobody", 1, "That is not an e-mail address. An email address must have an @-sign.\n"),
        (f"--as ada@example.com items show {UNKNOWN}", 1, f"There is no item {UNKNOWN}.\n"),
        (f"--as ada@example.com automations show {UNKNOWN}", 1, f"There is no automation {UNKNOWN}.\n"),
        (f"--as ada@example.com runs list {UNKNOWN}", 1, f"There is no automation {UNKNOWN}.\n"),
        (f"--as ada@example.com runs rerun {UNKNOWN}", 1, f"There is no run {UNKNOWN}.\n"),
        (f"--as ada@example.com runs watch {UNKNOWN}", 1, f"There is no run {UNKNOWN}.\n"),
        (f"--as ada@example.com api-keys revoke {UNKNOWN}", 1, f"There is no API key {UNKNOWN}.\n"),
        ("--as ada@example.com items create --name \u00a0", 2, "name: String should have at least 1 character\n"),
        ("--as ada@example.com items list --limit 0", 2, "limit: Input should be greater than or equal to 1\n"),
        (
            "--as ada@example.com items list --limit many",
            2,
            "limit: Input should be a valid integer, unable to parse string as an integer\n",
        ),
        (
            "--as ada@example.com items list --cursor x",
            1,
            "The cursor is not one that this list returned for this order.\n",
        ),
        (
            "--as ada@example.com items list --cursor -x",
            1,
            "The cursor is not one that this list returned for this order.\n",
        ),
        (
            "--as ada@example.com items list --created-after yesterday",
            2,
            "created_after: must be a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z\n",
        ),
        (
            "--as ada@example.com runs list 01890000-0000-7000-8000-000000000000 --status late",
            2,
            (
                "status: Input should be 'queued', 'running', 'succeeded', 'failed', 'timed_out', 'output_limit',"
                " 'out_of_memory', 'error' or 'cancelled'\n"
            ),
        ),
        ("users show nobody@example.com", 1, "There is no user nobody@example.com.\n"),
        ("users create ada@example.com", 1, "Somebody is registered with the address ada@example.com.\n"),
        (
            "users create x --password-stdin",
            1,
            "That is not an e-mail address. An email address must have an @-sign.\n",
        ),
        ("users create new@example.com --password-stdin", 1, "A password has 12 to 128 characters.\n"),
        ("users set-role nobody@example.com admin", 1, "There is no user nobody@example.com.\n"),
        ("users set-password ada@example.com --password-stdin", 1, "A password has 12 to 128 characters.\n"),
        ("users delete nobody@example.com", 1, "There is no user nobody@example.com.\n"),
        ("itms", 2, "invalid choice"),
        ("items", 2, "the following arguments are required: COMMAND (see python -m service items --help)\n"),
        ("items list --nam x", 2, "unrecognized arguments: --nam x (see python -m service --help)\n"),
        ("items show 7", 2, "argument ID: invalid UUID value: '7' (see python -m service items show --help)\n"),
        ("items create --name \udcff", 2, "the arguments hold what is not UTF-8 text (see python -m service --help)\n"),
        ("users set-role ada@example.com king", 2, "invalid choice"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(actor: Actor, words: str, code: int, complaint: str) -> None:
    told = shell(*words.split(" "))
    assert (told.code, told.out) == (code, "")
    assert told.err == complaint if complaint.endswith("\n") else complaint in told.err
    assert told.err.count("\n") == 1


def test_whoever_acts_may_be_named_before_or_after_the_command(
    sessions: Sessions, item: Item, other: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, grace = ("--as", "ada@example.com"), ("--as", "GRACE@example.com")
    show = ("show", str(item.id))
    assert [
        shell(*ada, "items", *show).code,
        shell("items", *ada, *show).code,
        shell("items", *show, *ada).code,
        shell(*grace, "items", *show, *ada).code,
        shell(*ada, "items", *show, *grace).code,
    ] == [0, 0, 0, 0, 1]
    monkeypatch.setenv("PLINTH_USER", "ada@example.com")
    assert [shell("items", *show).code, shell("items", *show, *grace).code] == [0, 1]
    assert shell("--json", "items", *show).out == shell("items", *show, "--json").out


def masked(text: str) -> str:
    """The text with its ids and times replaced: what is left is the same each time."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "ID" * 18, text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "T" * 20, text)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)


@pytest.mark.usefixtures("as_ada")
def test_lists_are_tables_and_objects_names_with_values(client: TestClient, item: Item, automation: Automation) -> None:
    shell("items", "create", "--name", "Two\nlines \x1b[2J")
    shell("automations", "disable", str(automation.id))
    table = masked(shell("items", "list", "--sort", "name").out).splitlines()
    assert table == [
        "id                                    name                version    updated",
        f"{'ID' * 18}  Espresso machine    1          {'T' * 20}",
        f"{'ID' * 18}  Two\\nlines \\x1b[2J  1          {'T' * 20}",
    ]
    table = masked(shell("automations", "list").out).splitlines()
    assert table == [
        "id                                    name    enabled    item                                  updated",
        f"{'ID' * 18}  Tell    no         {'ID' * 18}  {'T' * 20}",
    ]
    assert masked(shell("automations", "show", str(automation.id)).out).splitlines() == [
        f"id          {'ID' * 18}",
        f"item_id     {'ID' * 18}",
        "name        Tell",
        "enabled     no",
        "version     2",
        "created_at  TIME",
        "updated_at  TIME",
        "",
        "code:",
        "    print('told')",
    ]
    assert shell("runs", "list", str(automation.id)) == (0, "none\n", "")


@pytest.mark.usefixtures("as_ada")
def test_a_run_shows_what_it_printed_without_what_would_command_a_terminal(
    sessions: Sessions, automation: Automation, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute_at_once(monkeypatch, sessions, FakeSandbox(OUTPUT))
    told = shell("run-automation", str(automation.id), "--wait")
    assert told.code == 0
    fields, _, blocks = masked(told.out).partition("\n\n")
    assert "status         succeeded" in fields.splitlines()
    assert "result         [1]" in fields.splitlines()
    assert blocks.endswith("stdout:\n    told\n    \\x1b[31mred\n")
    [row] = shell("runs", "list", str(automation.id)).out.splitlines()[1:]
    assert row.split() == [row.split()[0], str(automation.id), "succeeded", "manual", *row.split()[4:6], "12", "-"]
    assert shell("runs", "list").out.splitlines()[1:] == [row]


@pytest.mark.usefixtures("as_ada")
@pytest.mark.parametrize("name", ["items", "automations", "runs", "api-keys", "users"])
def test_all_follows_the_pages_to_the_last(item: Item, automation: Automation, sent: list[UUID], name: str) -> None:
    for number in range(3):
        shell("items", "create", "--name", f"{number}")
        shell("automations", "create", "--name", f"{number}", "--item", str(item.id), "--code", "1")
        shell("run-automation", str(automation.id))
        shell("api-keys", "create", "--name", f"{number}")
        shell("users", "create", f"{number}@example.com")
    whole = shell(name, "list", "--json").document
    assert (len(whole["items"]), whole["next_cursor"]) == (3 if name in ("runs", "api-keys") else 4, None)
    assert shell(name, "list", "--json", "--limit", "1", "--all").document == whole
    first = shell(name, "list", "--json", "--limit", "2").document
    assert first["items"] == whole["items"][:2]
    cursor = first["next_cursor"]
    assert shell(name, "list", "--limit", "2").out.endswith(f"\n\nmore: --cursor {cursor}, or --all\n")
    rest = shell(name, "list", "--json", "--limit", "2", "--cursor", cursor).document
    assert first["items"] + rest["items"] == whole["items"]


@pytest.mark.usefixtures("as_ada")
@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("items list --name Kettle", ["Kettle"]),
        ("items list --name-contains E", ["Kettle", "Espresso machine"]),
        ("items list --name-contains E --sort -name", ["Kettle", "Espresso machine"]),
        ("items list --sort name", ["Espresso machine", "Kettle"]),
        ("items list --sort=-name --limit 1", ["Kettle"]),
        ("items list --created-after 2020-01-01T00:00:00Z --updated-before 2020-01-01T00:00:00Z", []),
        (
            "items list --updated-after 2020-01-01T00:00:00Z --created-before 2999-01-01T00:00:00+01:00",
            ["Kettle", "Espresso machine"],
        ),
        ("automations list --enabled", ["Tell"]),
        ("automations list --disabled", []),
        ("automations list --name Tell --sort updated_at", ["Tell"]),
        (f"automations list --item {UNKNOWN}", []),
    ],
)
def test_lists_are_narrowed_and_sorted(item: Item, automation: Automation, words: str, names: list[str]) -> None:
    shell("items", "create", "--name", "Kettle")
    listed = shell(*words.split(), "--json")
    assert (listed.code, [entry["name"] for entry in listed.document["items"]]) == (0, names)


@pytest.mark.usefixtures("as_ada")
def test_items_and_automations_change_and_go(item: Item, automation: Automation, sent: list[UUID]) -> None:
    changed = shell("items", "update", str(item.id), "--no-description", "--json").document
    assert (changed["name"], changed["description"], changed["runs"]) == (item.name, None, [str(sent[0])])
    update = ("automations", "update", str(automation.id), "--json")
    changed = shell(*update, "--disabled", "--code-file", "-", "--name", "Say", stdin="print('new')\r\n").document
    assert (changed["code"], changed["enabled"], changed["name"]) == ("print('new')\r\n", False, "Say")
    second = shell("items", "create", "--name", "Second", "--json").document["id"]
    assert shell(*update, "--item", second, "--enabled").document["item_id"] == second
    assert shell("automations", "disable", str(automation.id), "--json").document["enabled"] is False
    assert shell("automations", "enable", str(automation.id), "--json").document["enabled"] is True
    assert shell("automations", "delete", str(automation.id)) == (0, f"deleted {automation.id}\n", "")
    assert shell("automations", "show", str(automation.id)).code == 1
    assert shell("items", "delete", str(item.id), "--json") == (0, "", "")
    assert shell("items", "show", str(item.id)).code == 1


@pytest.mark.usefixtures("as_ada")
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("items update ITEM --name x", "item"),
        ("items delete ITEM", "item"),
        ("automations update AUTOMATION --name x", "automation"),
        ("automations enable AUTOMATION", "automation"),
        ("automations disable AUTOMATION", "automation"),
        ("automations delete AUTOMATION", "automation"),
    ],
)
def test_a_change_of_another_version_than_expected_is_refused(
    item: Item, automation: Automation, sent: list[UUID], words: str, kind: str
) -> None:
    typed = words.replace("ITEM", str(item.id)).replace("AUTOMATION", str(automation.id)).split()
    complaint = f"The {kind} is at version 1, which is not the one expected.\n"
    assert shell(*typed, "--if-version", "2") == (1, "", complaint)
    assert shell(*typed, "--if-version", "1").code == 0


@pytest.mark.usefixtures("as_ada")
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "FILE cannot be read: No such file or directory.\n"),
        (b"print('\xff')", "FILE is not UTF-8 text.\n"),
        (b"#" * 65537, "FILE has more than 65536 bytes.\n"),
        (b"", "code: String should have at least 1 character\n"),
        (b"a\0", "code: must not contain the NUL character\n"),
    ],
)
def test_a_script_that_cannot_be_read_is_refused(
    item: Item, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    file = tmp_path / "script.py"
    create = ("automations", "create", "--item", str(item.id), "--name", "x", "--code-file")
    if content is not None:
        file.write_bytes(content)
        told = shell(*create, "-", stdin=content)
        assert told == (2, "", complaint.replace("FILE", "Standard input"))
    assert shell(*create, str(file)) == (2, "", complaint.replace("FILE", str(file)))
    assert shell(*create, str(tmp_path)) == (2, "", f"{tmp_path} cannot be read: Is a directory.\n")


@pytest.mark.usefixtures("as_ada")
def test_a_file_is_taken_as_it_is_but_for_its_byte_order_mark(item: Item, tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_bytes(b"\xef\xbb\xbfprint('\xc3\xa9')\r\n")
    told = shell("automations", "create", "--item", str(item.id), "--name", "x", "--code-file", str(file), "--json")
    assert told.document["code"] == "print('é')\r\n"


def execute_at_once(monkeypatch: pytest.MonkeyPatch, sessions: Sessions, sandbox: FakeSandbox) -> None:
    """Let each run be executed as soon as it is sent to the queue."""

    def send(owner_id: UUID, run_ids: list[UUID]) -> None:
        for _ in run_ids:
            turn(sessions, owner_id, sandbox)

    monkeypatch.setattr(dispatch, "_send", send)


@pytest.mark.usefixtures("as_ada")
@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("failed", 1), ("timed_out", 1)])
def test_waiting_for_a_run_ends_as_the_run_does(
    sessions: Sessions, automation: Automation, monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    execute_at_once(monkeypatch, sessions, FakeSandbox(RunOutcome(status=status, stdout="told\n")))
    told = shell("run-automation", str(automation.id), "--wait", "--json")
    assert (told.code, told.document["status"], told.document["stdout"]) == (code, status, "told\n")
    assert told.document["destroyed_at"] is not None


@pytest.mark.usefixtures("as_ada")
def test_waiting_ends_also_where_nobody_confirms_that_a_sandbox_is_gone(
    sessions: Sessions, automation: Automation, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute_at_once(monkeypatch, sessions, FakeSandbox(OUTPUT, confirms=False))
    told = shell("run-automation", str(automation.id), "--wait", "--json", "--timeout", "5")
    assert (told.code, told.document["status"], told.document["destroyed_at"]) == (0, "succeeded", None)


@pytest.mark.usefixtures("as_ada")
def test_waiting_has_an_end(automation: Automation, sent: list[UUID]) -> None:
    told = shell("run-automation", str(automation.id), "--wait", "--timeout", "0")
    [run_id] = sent
    remark = f"The run is still queued after 0 s: `runs watch {run_id}` follows it.\n"
    assert (told.code, told.out.splitlines(keepends=True)[-1], told.err) == (1, remark, "")
    assert shell("run-automation", str(automation.id)).code == 0


@pytest.mark.usefixtures("as_ada")
def test_runs_are_cancelled_listed_and_repeated(automation: Automation, sent: list[UUID]) -> None:
    queued = shell("run-automation", str(automation.id), "--json").document
    cancelled = shell("runs", "cancel", queued["id"], "--json").document
    assert (cancelled["status"], cancelled["id"]) == ("cancelled", queued["id"])
    assert shell("runs", "cancel", queued["id"]) == (1, "", "The run has already ended: it is cancelled.\n")
    repeated = shell("runs", "rerun", queued["id"], "--json").document
    assert (repeated["trigger"], repeated["rerun_of"]) == ("rerun", queued["id"])
    assert [str(run_id) for run_id in sent] == [queued["id"], repeated["id"]]
    listed = ("runs", "list", str(automation.id), "--json")
    narrowed = [
        [run["id"] for run in shell(*listed, *options).document["items"]]
        for options in (
            ("--status", "cancelled", "--status", "failed"),
            ("--status", "queued"),
            ("--trigger", "rerun"),
            ("--sort", "created_at"),
            ("--created-before", "2020-01-01T00:00:00Z"),
        )
    ]
    first, second = queued["id"], repeated["id"]
    assert narrowed == [[first], [second], [second], [first, second], []]


def test_users_come_change_and_go(sessions: Sessions) -> None:
    created = shell("users", "create", "Ada@Example.com", "--password-stdin", "--json", stdin=f"{PASSWORD}\n").document
    assert {key: created[key] for key in ("email", "role")} == {"email": "ada@example.com", "role": "member"}
    assert shell("users", "show", "ada@example.com", "--json").document == created
    assert shell("users", "list", "--json").document == {"items": [created], "next_cursor": None}
    assert shell("users", "set-role", "ada@example.com", "admin", "--json").document["role"] == "admin"
    complaint = "This is the last administrator: make another one first.\n"
    assert shell("users", "set-role", "ada@example.com", "member") == (1, "", complaint)
    assert shell("users", "delete", "ada@example.com") == (1, "", complaint)
    assert shell("users", "create", "root@example.com", "--role", "admin").code == 0
    assert shell("users", "delete", "ada@example.com") == (0, "deleted ada@example.com\n", "")
    assert shell("users", "show", "ada@example.com") == (1, "", "There is no user ada@example.com.\n")


def signs_in(anonymous: TestClient, email: str, password: str) -> bool:
    answer = anonymous.post("/v1/auth/token", data={"username": email, "password": password})
    assert answer.status_code in (200, 400, 401), answer.text
    return answer.status_code == 200


@pytest.mark.parametrize("command", ["users create EMAIL", "create-admin --email EMAIL"])
def test_a_password_that_nobody_sent_is_made_and_shown_once(anonymous: TestClient, command: str) -> None:
    told = shell(*command.replace("EMAIL", "ada@example.com").split())
    [password] = re.findall(r"^password    (\S{24})$", told.out, re.MULTILINE)
    assert told.out.endswith("\nThe password is shown this once: keep it.\n")
    assert signs_in(anonymous, "ada@example.com", password)
    assert password not in shell("users", "show", "ada@example.com").out
    made = shell("users", "set-password", "ada@example.com", "--json").document["password"]
    assert [signs_in(anonymous, "ada@example.com", known) for known in (password, made)] == [False, True]
    assert "password" not in shell("users", "set-password", "ada@example.com", "--password-stdin", stdin=PASSWORD).out
    assert signs_in(anonymous, "ada@example.com", PASSWORD)


def test_a_new_password_ends_all_sessions(client: TestClient) -> None:
    assert client.get("/v1/items").status_code == 200
    assert shell("users", "set-password", "ada@example.com").code == 0
    assert client.get("/v1/items").status_code == 401


def test_the_first_administrator_is_made_and_another_user_becomes_one(anonymous: TestClient, actor: Actor) -> None:
    create = ("create-admin", "--json", "--password-stdin", "--email")
    made = shell(*create, "root@example.com", stdin=PASSWORD).document
    assert (made["role"], "password" in made) == ("admin", False)
    assert signs_in(anonymous, "root@example.com", PASSWORD)
    became = shell(*create, "ada@example.com", stdin=PASSWORD).document
    assert (became["id"], became["role"]) == (str(actor.user_id), "admin")
    assert not signs_in(anonymous, "ada@example.com", PASSWORD)
    told = shell("create-admin", "--email", "ada@example.com")
    assert told.out.endswith("\nThe user was there already: the password is as it was.\n")


@pytest.mark.parametrize(
    ("typed", "code", "complaint"),
    [
        ([PASSWORD, PASSWORD], 0, ""),
        ([PASSWORD, "another otter reads"], 2, "The two passwords differ.\n"),
        ([], 2, "No password was typed.\n"),
    ],
)
def test_a_terminal_is_asked_twice(
    anonymous: TestClient, monkeypatch: pytest.MonkeyPatch, typed: list[str], code: int, complaint: str
) -> None:
    answers = iter(typed)

    def getpass(_prompt: str) -> str:
        try:
            return next(answers)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("service.cli.reading.getpass", getpass)
    monkeypatch.setattr("service.cli.reading._is_terminal", lambda: True)
    told = shell("users", "create", "ada@example.com", "--json")
    assert (told.code, told.err) == (code, complaint)
    assert code or signs_in(anonymous, "ada@example.com", PASSWORD)


@pytest.mark.usefixtures("as_ada")
def test_an_api_key_is_shown_once_and_works_until_it_is_revoked(anonymous: TestClient, item: Item) -> None:
    create = ("api-keys", "create", "--name", "Pipeline", "--scope", "items:read", "--scope", "runs:read")
    made = shell(*create, "--expires-at", "2999-01-01T00:00:00+01:00", "--json").document
    assert (made["scopes"], made["expires_at"]) == (["items:read", "runs:read"], "2998-12-31T23:00:00Z")
    headers = {"X-API-Key": made["key"]}
    assert anonymous.get(f"/v1/items/{item.id}", headers=headers).status_code == 200
    assert anonymous.delete(f"/v1/items/{item.id}", headers=headers).status_code == 403
    [listed] = shell("api-keys", "list", "--json").document["items"]
    assert {**listed, "last_used_at": None} == {name: made[name] for name in ApiKeyRead.model_fields}
    told = shell("api-keys", "create", "--name", "Everything").out
    assert told.endswith("\nThe key is shown this once: keep it.\n")
    assert shell("api-keys", "revoke", made["id"]) == (0, f"revoked {made['id']}\n", "")
    assert anonymous.get(f"/v1/items/{item.id}", headers=headers).status_code == 401
    assert shell("api-keys", "create", "--name", "x", "--scope", "all").code == 2


def test_the_demo_is_seeded_once(anonymous: TestClient, sent: list[UUID]) -> None:
    first = shell("seed-demo", "--json").document
    assert (first["email"], first["items"]) == ("demo@example.com", [exhibit.item for exhibit in EXHIBITS])
    assert first["runs"] == [str(run_id) for run_id in sent]
    assert len(sent) == 3
    assert signs_in(anonymous, "demo@example.com", first["password"])
    again = shell("seed-demo")
    assert again == (0, "demo@example.com and the demo's items are there already: nothing was changed.\n", "")
    assert len(sent) == 3
    listed = shell("--as", "demo@example.com", "items", "list", "--json").document["items"]
    assert [item["name"] for item in listed] == ["Milk jug", "Grinder", "Espresso machine"]
    shell("--as", "demo@example.com", "items", "delete", listed[0]["id"])
    mended = shell("seed-demo")
    assert mended.out.splitlines()[:2] == [
        "added for demo@example.com: Milk jug; their automations are queued",
        "The user was there already: the password is as it was.",
    ]


def test_the_demo_takes_an_address_and_a_password(anonymous: TestClient) -> None:
    told = shell("seed-demo", "--email", "eve@example.com", "--password-stdin", stdin=PASSWORD)
    assert (told.code, told.err) == (0, "")
    fields = f"--data-urlencode username=eve@example.com --data-urlencode 'password={PASSWORD}'"
    assert f"Sign in at /docs, or: curl $API/auth/token {fields}\n" in told.out
    assert signs_in(anonymous, "eve@example.com", PASSWORD)


def test_without_a_database_the_shell_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: Told = shell("--as", "ada@example.com", "items", "list")
    complaint = "neither DATABASE_URL nor DATABASE_HOST is set: the service has no database\n"
    assert listed == (2, "", complaint)
    monkeypatch.setenv("DATABASE_PORT", "many")
    get_settings.cache_clear()
    told = shell("--as", "ada@example.com", "items", "list")
    assert told.err == "database_port: Input should be a valid integer, unable to parse string as an integer\n"


@pytest.mark.usefixtures("as_ada")
@pytest.mark.parametrize(
    ("error", "code", "complaint"),
    [
        (IntegrityError("", {}, Exception("x")), 1, "The change does not fit what was stored meanwhile.\n"),
        (DataError("", {}, Exception("x")), 1, "A value cannot be stored.\n"),
        (OperationalError("", {}, Exception("gone\naway")), 2, "The database does not answer: gone\n"),
        (KeyError("x"), 2, "KeyError: 'x' (PLINTH_DEBUG=1 shows where)\n"),
        (RuntimeError(), 2, "RuntimeError\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_whatever_goes_wrong_is_no_traceback(
    item: Item, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, complaint: str
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr("service.items.service.get", fail)
    assert shell("items", "show", str(item.id)) == (code, "", complaint)


@pytest.mark.usefixtures("as_ada")
def test_an_interrupt_that_breaks_the_connection_is_an_interrupt(item: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise OperationalError("", {}, Exception("another command is already in progress"))

    monkeypatch.setattr("service.items.service.get", fail)
    assert shell("items", "show", str(item.id)) == (130, "", "")


def test_a_developer_may_ask_for_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_DEBUG", "1")
    with pytest.raises(RuntimeError, match="the service has no database"):
        shell("--as", "ada@example.com", "items", "list")


def test_the_openapi_document_needs_no_database(client: TestClient) -> None:
    document: Any = client.get("/openapi.json").json()
    assert shell("openapi").document == document
    assert shell("openapi", "--json").document == document
