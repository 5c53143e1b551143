"""The command line: every command, its options and its help. It imports nothing that a command needs."""

import argparse
from collections.abc import Sequence
from typing import Any, Final, NoReturn, get_args
from uuid import UUID

from service.core.actor import Role

DESCRIPTION = "Plinth's service from a shell: the same functions, the same rules and the same errors as over HTTP."

EXAMPLES = """\
examples:
  python -m service migrate
  python -m service create-admin --email root@example.com
  python -m service users create ada@example.com
  export PLINTH_USER=ada@example.com
  python -m service items create --name "Espresso machine"
  python -m service automations create --item ITEM --name notify --code-file notify.py
  python -m service items update ITEM --description "Matte black"
  python -m service run-automation AUTOMATION --wait
  python -m service runs watch
  python -m service items list --all --json

Everybody's items, automations, runs and API keys are their own: --as EMAIL, or PLINTH_USER, says whose are meant.
DATABASE_URL says where the database is. Exit codes: 0 done, 1 refused or not succeeded, 2 wrong use or no database.
"""

DEMO_EMAIL: Final = "demo@example.com"

_A_DAY = 86400


class CommandLine(argparse.ArgumentParser):
    """A parser that complains in one line. Options are not abbreviated: scripts outlive new options."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message} (see {self.prog} --help)\n")


def parsed(arguments: Sequence[str], *, user: str | None = None) -> argparse.Namespace:
    """The options of one command; `command` is its function, as "module:function" of this package.

    `user` acts where `--as` is not given. Raises SystemExit after `--help` (0) and after a complaint (2).
    """
    parser = _command_line()
    if any(not _is_text(argument) for argument in arguments):
        parser.error("the arguments hold what is not UTF-8 text")
    return parser.parse_args(_joined(arguments), argparse.Namespace(user=user or None, json=False))


def _is_text(argument: str) -> bool:
    try:
        return b"\0" not in argument.encode()
    except UnicodeEncodeError:
        return False


def _joined(arguments: Sequence[str]) -> list[str]:
    # A descending order and one cursor in 64 begin with a dash: argparse would take them for options.
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] in ("--sort", "--cursor") and argument.startswith("-"):
            joined[-1] = f"{joined[-1]}={argument}"
        else:
            joined.append(argument)
    return joined


def _command_line() -> CommandLine:
    parser = CommandLine(
        prog="python -m service",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        parents=[_common()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="group", required=True)
    _items(_group(commands, "items", "things whose updates start automations"))
    _automations(_group(commands, "automations", "the scripts that updates of an item start"))
    _runs(_group(commands, "runs", "what automations did"))
    _with_id(_run_automation(_add(commands, "run-automation", "runs:start", "queue a run of an automation now")))
    _api_keys(_group(commands, "api-keys", "credentials for programs"))
    _users(_group(commands, "users", "who may sign in"))
    _operations(commands)
    return parser


def _items(group: Any) -> None:
    create = _add(group, "create", "items:create", "create an item")
    create.add_argument("--name", required=True)
    create.add_argument("--description")

    listing = _list(group, "items:list_", "list items, newest first", sort="created_at, updated_at or name")
    listing.add_argument("--name", help="only those of exactly this name")
    listing.add_argument("--name-contains", metavar="TEXT", help="only those whose name contains this, in any case")
    _between(listing, "created")
    _between(listing, "updated")

    _with_id(_add(group, "show", "items:show", "show an item"))

    update = _with_id(_add(group, "update", "items:update", "change an item and start its enabled automations"))
    update.add_argument("--name")
    description = update.add_mutually_exclusive_group()
    description.add_argument("--description")
    description.add_argument("--no-description", action="store_true", help="remove the description")
    _if_version(update)

    _if_version(_with_id(_add(group, "delete", "items:delete", "delete an item, its automations and their runs")))


def _automations(group: Any) -> None:
    create = _add(group, "create", "automations:create", "attach an automation to an item")
    create.add_argument(
        "--item", dest="item_id", type=UUID, required=True, metavar="ID", help="the item whose updates start it"
    )
    create.add_argument("--name", required=True)
    _code(create, required=True)
    create.add_argument("--disabled", action="store_true", help="let no update start it yet")

    listing = _list(group, "automations:list_", "list automations, newest first", sort="created_at, updated_at or name")
    listing.add_argument("--item", dest="item_id", type=UUID, metavar="ID", help="only those of this item")
    listing.add_argument("--name", help="only those of exactly this name")
    _switch(listing, enabled="only those that updates start", disabled="only those that no update starts")

    _with_id(_add(group, "show", "automations:show", "show an automation with its code"))

    update = _with_id(_add(group, "update", "automations:update", "change an automation"))
    update.add_argument("--name")
    update.add_argument("--item", dest="item_id", type=UUID, metavar="ID", help="attach it to another item")
    _code(update, required=False)
    _switch(update, enabled="let updates start it", disabled="let no update start it")
    _if_version(update)

    _if_version(_with_id(_add(group, "enable", "automations:enable", "let updates of its item start it")))
    _if_version(_with_id(_add(group, "disable", "automations:disable", "let no update start it")))
    _if_version(_with_id(_add(group, "delete", "automations:delete", "delete an automation and its runs")))


def _runs(group: Any) -> None:
    listing = _list(group, "runs:list_", "list runs, newest first", sort="created_at")
    listing.add_argument(
        "automation_id", nargs="?", type=UUID, metavar="AUTOMATION", help="only those of this automation"
    )
    listing.add_argument("--item", dest="item_id", type=UUID, metavar="ID", help="only those queued for this item")
    listing.add_argument("--status", action="append", help="only those in this status; may be given again")
    listing.add_argument("--trigger", help="only those started this way: item_updated, manual or rerun")
    _between(listing, "created")
    _with_id(_add(group, "show", "runs:show", "show a run with its code and what it printed"))
    watch = _add(group, "watch", "runs:watch", "follow runs until they have ended; exit 1 unless all succeed")
    watch.add_argument(
        "ids", nargs="*", type=UUID, metavar="RUN", help="default: all that are queued or running as it starts"
    )
    watch.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="follow them no longer than this (default, and the most that a stack's own shell can: 50; else no end)",
    )
    _with_id(_add(group, "cancel", "runs:cancel", "cancel a run that is still queued"))
    _with_id(_add(group, "rerun", "runs:rerun", "run again what an ended run ran: its code and its event"))


def _run_automation(parser: CommandLine) -> CommandLine:
    parser.add_argument(
        "--wait", action="store_true", help="wait for its end and its output; exit 1 unless it succeeds"
    )
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="wait no longer than this (default: 50)")
    return parser


def _api_keys(group: Any) -> None:
    create = _add(group, "create", "api_keys:create", "make an API key; it is shown once")
    create.add_argument("--name", required=True, help="what it is for")
    create.add_argument("--scope", action="append", dest="scopes", help="allow this; may be given again (default: all)")
    create.add_argument("--expires-at", metavar="TIME", help="an RFC 3339 time such as 2030-01-01T00:00:00Z")
    _list(group, "api_keys:list_", "list API keys, newest first")
    _with_id(_add(group, "revoke", "api_keys:revoke", "end an API key at once"))


def _users(group: Any) -> None:
    create = _with_email(_add(group, "create", "users:create", "add somebody who may sign in"))
    create.add_argument("--role", choices=get_args(Role), default="member", help="default: member")
    _password(create)
    _list(group, "users:list_", "list users, newest first")
    _with_email(_add(group, "show", "users:show", "show a user"))
    role = _with_email(_add(group, "set-role", "users:set_role", "make a user a member or an admin"))
    role.add_argument("role", choices=get_args(Role))
    _password(_with_email(_add(group, "set-password", "users:set_password", "set a password; ends all sessions")))
    _with_email(_add(group, "delete", "users:delete", "delete a user and everything that is theirs"))


def _operations(commands: Any) -> None:
    admin = _add(commands, "create-admin", "users:create_admin", "make an administrator, of a new user or one there is")
    admin.add_argument("--email", required=True)
    _password(admin)

    demo = _add(commands, "seed-demo", "demo:seed", "add a user with items and automations to look at")
    demo.add_argument("--email", default=DEMO_EMAIL, help=f"default: {DEMO_EMAIL}")
    demo.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the new user's password from standard input (default: one is made and shown once)",
    )

    _add(commands, "openapi", "operations:openapi", "print the OpenAPI document")
    migrate = _add(commands, "migrate", "operations:migrate", "upgrade the database's schema")
    migrate.add_argument("--revision", default="head", help="default: head, the newest")
    _add(commands, "make-signing-keys", "operations:make_signing_keys", "print new signing keys, for SIGNING_KEYS")
    work = _add(commands, "work", "operations:work", "execute queued runs until told to end, where there is no queue")
    work.add_argument(
        "--at-once",
        type=int,
        choices=range(1, 65),
        metavar="N",
        help="runs (default: as many as SANDBOX_ADDRESSES)",
    )
    work.add_argument("--heartbeat", metavar="FILE", help="touch this file every second in which all is well")


def _group(commands: Any, name: str, purpose: str) -> Any:
    parser = commands.add_parser(name, help=purpose, description=_sentence(purpose), parents=[_common()])
    return parser.add_subparsers(title="commands", metavar="COMMAND", dest="action", required=True)


def _add(group: Any, name: str, command: str, purpose: str) -> CommandLine:
    parser: CommandLine = group.add_parser(name, help=purpose, description=_sentence(purpose), parents=[_common()])
    parser.set_defaults(command=command)
    return parser


def _common() -> argparse.ArgumentParser:
    """Options that may stand before or after the command: left out, they do not hide what was said before."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    options = common.add_argument_group("options of every command")
    options.add_argument("--as", dest="user", metavar="EMAIL", help="on whose behalf (default: PLINTH_USER)")
    options.add_argument("--json", action="store_true", help="print what the HTTP API would answer")
    return common


def _list(group: Any, command: str, purpose: str, *, sort: str | None = None) -> CommandLine:
    parser = _add(group, "list", command, purpose)
    parser.add_argument("--limit", metavar="N", help="the most entries to show, up to 100")
    parser.add_argument("--cursor", help="where to begin: what the page before named")
    parser.add_argument("--all", action="store_true", help="follow the pages to the last")
    if sort is not None:
        parser.add_argument("--sort", metavar="FIELD", help=f"{sort}; -FIELD for the other way (default: -created_at)")
    return parser


def _between(parser: CommandLine, done: str) -> None:
    for side in ("after", "before"):
        parser.add_argument(f"--{done}-{side}", metavar="TIME", help=f"only those {done} {side} this RFC 3339 time")


def _with_id(parser: CommandLine) -> CommandLine:
    parser.add_argument("id", type=UUID, metavar="ID")
    return parser


def _with_email(parser: CommandLine) -> CommandLine:
    parser.add_argument("email", metavar="EMAIL")
    return parser


def _if_version(parser: CommandLine) -> None:
    parser.add_argument("--if-version", type=int, metavar="N", help="only if it is still at this version")


def _code(parser: CommandLine, *, required: bool) -> None:
    code = parser.add_mutually_exclusive_group(required=required)
    code.add_argument("--code", help="the script itself")
    code.add_argument("--code-file", metavar="FILE", help="a file with the script; - reads standard input")


def _switch(parser: CommandLine, *, enabled: str, disabled: str) -> None:
    switch = parser.add_mutually_exclusive_group()
    switch.add_argument("--enabled", action="store_true", default=None, help=enabled)
    switch.add_argument("--disabled", action="store_false", default=None, dest="enabled", help=disabled)


def _password(parser: CommandLine) -> None:
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from standard input (default: a terminal is asked; else one is made and shown once)",
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _A_DAY:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 to {_A_DAY}")
    return seconds


def _sentence(purpose: str) -> str:
    return f"{purpose[0].upper()}{purpose[1:]}."
