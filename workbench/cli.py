"""The `plinth` command: each verb a few lines over the modules beside it, which are imported when it needs them."""

import errno
import gc
import json
import os
import sys
import time
import traceback
from contextlib import nullcontext, suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.errors import UserError
from workbench.project import STATE

app = typer.Typer(
    name="plinth",
    help="Run a Pulumi stack on this machine, and see what it is made of.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Stack = Annotated[str, typer.Argument(help="A stack: a package in stacks/, such as dev.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]

sandbox_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(sandbox_app, name="sandbox", help="Run a script on this machine as the service's sandbox would.")


@app.command()
def up(
    stack: Stack,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once the stack is ready.")] = False,
    as_json: AsJson = False,
    port: Annotated[
        int | None, typer.Option("--port", "-p", min=1, max=65535, help="Where the API answers. Default 8000.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Apply again whenever the code changes.")] = False,
) -> None:
    """Bring a stack up on this machine.

    Needs no account, no Docker and no Pulumi CLI.
    In the foreground it prints the functions' logs until Ctrl-C, and then takes everything down.
    """
    from workbench.local.foreground import hold
    from workbench.local.interrupts import interruptible
    from workbench.local.stack import LocalStack
    from workbench.progress import Progress

    if watch and detach:
        raise UserError("--watch needs the foreground: leave out --detach.")
    local = LocalStack(stack)
    began = time.time()
    with interruptible() as interrupted, nullcontext(True) if detach else local.in_foreground():
        with Progress(stack, quiet=as_json) as progress:
            result = local.up(port=port, stay=detach, say=progress.say, report=progress.report)
        if as_json:
            _print_json(result.outputs)
            sys.stdout.flush()
        else:
            progress.summary(result)
        if not detach:
            hold(local, interrupted, applied=began, watch=watch, quiet=as_json)


@app.command()
def down(
    stack: Stack,
    wipe: Annotated[bool, typer.Option("--wipe", help="Remove the database's data too.")] = False,
) -> None:
    """Take a stack down: end its processes. The database's data stays for the next `up`."""
    from workbench.local.stack import LocalStack

    ended = LocalStack(stack).down(wipe=wipe)
    print(f"{stack} is down." if ended else f"{stack} was not up.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show which stacks are up, and where they answer."""
    from workbench.local.stack import LocalStack
    from workbench.project import stack_names

    stacks: dict[str, dict[str, Any]] = {}
    for name in stack_names():
        local = LocalStack(name)
        stacks[name] = {
            "up": local.is_up(),
            "api_url": local.state().outputs.get("api_url") if local.is_up() else None,
            "processes": {
                process: {"pid": running.pid, "port": running.port, "alive": running.alive()}
                for process, running in sorted(local.processes.recorded().items())
            },
        }
    if as_json:
        _print_json(stacks)
        return
    for name, entry in stacks.items():
        broken = [process for process, running in entry["processes"].items() if not running["alive"]]
        state = f"up at {entry['api_url']}" if entry["up"] else ("broken: " + ", ".join(broken) if broken else "down")
        print(f"{name:<12} {state}")


@app.command()
def outputs(stack: Stack, as_json: AsJson = False) -> None:
    """Print the outputs of a stack that is up."""
    from workbench.local.stack import LocalStack
    from workbench.progress import print_outputs

    found = LocalStack(stack).outputs()
    if as_json:
        _print_json(found)
    else:
        print_outputs(found)


@app.command()
def logs(
    stack: Stack,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing until Ctrl-C.")] = False,
) -> None:
    """Print what the functions of a running stack wrote."""
    from workbench.local import logs as function_logs
    from workbench.local.stack import LocalStack

    local = LocalStack(stack)
    local.outputs()
    cloud, state = local.cloud(), local.state()
    if not follow:
        for line in function_logs.recent(cloud, state):
            print(line)
        return
    for line in function_logs.follow(cloud, state, since=0):
        if line:
            print(line, flush=True)


@app.command(context_settings={"allow_interspersed_args": False})
def service(
    stack: Stack,
    arguments: Annotated[
        list[str], typer.Argument(help="A command of the service, such as `items list`; `--help` shows them.")
    ],
) -> None:
    """Run a command of the service inside a stack.

    It is `python -m service`, run where the stack's database is.
    What is piped into it becomes the command's standard input.
    """
    from workbench.local.shell import piped, run_in

    answer = run_in(stack, arguments, piped(sys.stdin))
    sys.stdout.write(answer.stdout)
    sys.stderr.write(answer.stderr)
    raise typer.Exit(answer.exit_code)


@app.command()
def manifest(stack: Stack, as_json: AsJson = False) -> None:
    """Print a stack's resources, evaluated offline.

    Needs no credentials and no network, and builds nothing.
    """
    from workbench.offline import manifest_of

    found = manifest_of(stack)
    if as_json:
        _print_json(found.shown())
        return
    for depth, resource in found.tree():
        marks = [name for name, on in (("protect", resource.protect), ("retain", resource.retain_on_delete)) if on]
        print("  " * depth + "  ".join([resource.type, resource.name, *marks]))
    print(f"\n{len(found.resources)} resources")


@app.command("new-stack")
def make_stack(
    name: Annotated[str, typer.Argument(help="What the new stack is called: 2 to 12 lower-case letters and digits.")],
    source: Annotated[str, typer.Option("--from", metavar="STACK", help="The stack to make it from.")] = "dev",
    account: Annotated[
        str | None, typer.Option(metavar="DIGITS", help="Its AWS account. Default: that of the other stack.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="REGION", help="Its AWS region. Default: that of the other stack.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a new stack, with the settings of one that is there.

    It evaluates and comes up at once. Nothing is overwritten.
    """
    from workbench.scaffold import new_stack

    made = new_stack(name, source, account=account, region=region)
    if as_json:
        _print_json(made.document())
    else:
        print("\n".join(made.told()))


@app.command()
def package(
    stack: Annotated[str | None, typer.Argument(help="A stack. Default: all of them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build what the functions are made of, as it is for AWS.

    The same checkout makes the same packages wherever it is built.
    """
    from workbench.package import packaged, shown
    from workbench.progress import Progress
    from workbench.project import stack_names

    with Progress(stack or "packages", quiet=as_json) as progress:
        artifacts = packaged([stack] if stack else stack_names(), progress.say)
    if as_json:
        _print_json([artifact.document() for artifact in artifacts])
    else:
        print("\n".join(shown(artifacts)))


@app.command()
def check(
    stacks: Annotated[
        list[str] | None, typer.Argument(metavar="[STACK]...", help="Stacks: packages in stacks/. Default all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold stacks against the policies in policies/.

    Finds what `pulumi preview --policy-pack policies` would find, offline.
    Exits with 1 where a mandatory rule is broken.
    """
    from workbench.check import checked

    verdicts = checked(stacks or [])
    passes = all(verdict.passes for verdict in verdicts)
    if as_json:
        _print_json({"passes": passes, "stacks": [verdict.shown() for verdict in verdicts]})
    else:
        print("\n\n".join("\n".join(verdict.lines()) for verdict in verdicts))
    raise typer.Exit(0 if passes else 1)


class DiffFormat(StrEnum):
    """How `plinth diff` may tell what it found."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"


@app.command()
def diff(
    base: Annotated[
        str | None, typer.Option(metavar="REF", help="A commit, branch or tag to compare with. Default origin/main.")
    ] = None,
    head: Annotated[
        str | None, typer.Option(metavar="REF", help="What to compare. Default: the working tree, as it is.")
    ] = None,
    stacks: Annotated[
        list[str] | None, typer.Option("--stack", metavar="STACK", help="A stack; may be repeated. Default all.")
    ] = None,
    format_: Annotated[DiffFormat, typer.Option("--format", help="How to tell it.")] = DiffFormat.TEXT,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="As text, leave nothing out of what is created or deleted.")
    ] = False,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="RISKS", help="Exit with 1 where there are such risks: data-loss, access, or both."),
    ] = None,
    load: Annotated[
        int, typer.Option(metavar="N", min=0, help="API requests a month, for the estimate of costs.")
    ] = 1_000_000,
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write diff.txt, diff.md, diff.json and diff.html there, too.")
    ] = None,
) -> None:
    """Show what a change does to the infrastructure.

    Compares every stack at two revisions, each with its own code, and tells first what could lose data or opens access.
    Needs no credentials, no network and no Pulumi CLI.
    """
    from workbench.cost.estimate import Load
    from workbench.diff.command import diff as compare
    from workbench.diff.command import fails_on
    from workbench.progress import Progress
    from workbench.report.formats import folder, rendered, save_all, tell

    met = fails_on(fail_on or [])
    if save is not None:
        folder(save)
    with Progress("diff") as progress:
        found = compare(base, head, stacks or [], load=Load(requests=load), say=progress.say)
    if save is not None:
        save_all(found, save)
    tell(rendered(found, format_, verbose=verbose), document=format_ is not DiffFormat.TEXT)
    raise typer.Exit(1 if met & {risk.kind for risk in found.risks()} else 0)


class GraphFormat(StrEnum):
    """How `plinth graph` may draw."""

    MERMAID = "mermaid"
    SVG = "svg"


@app.command()
def graph(
    stack: Stack,
    format_: Annotated[GraphFormat, typer.Option("--format", help="How to draw it.")] = GraphFormat.MERMAID,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to. Default: standard output.")
    ] = None,
) -> None:
    """Draw a stack: its components, and what flows between them."""
    from workbench.graph.command import drawn
    from workbench.report.formats import tell, write

    picture = drawn(stack, format_)
    if output is None:
        tell(picture, document=True)
    else:
        write(output, picture)


@sandbox_app.command("run")
def run_script(
    file: Annotated[str, typer.Argument(help="The script; - reads standard input.")],
    event: Annotated[
        str | None,
        typer.Option(
            metavar="FILE_OR_JSON",
            help="What the script finds in `event`. Default: what a run started by hand gets, of an example item.",
        ),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", help="Seconds that the script may take. Default 10.")
    ] = None,
    cpu: Annotated[int | None, typer.Option(metavar="S", help="Seconds of processor time. Default 5.")] = None,
    memory: Annotated[int | None, typer.Option(metavar="MB", help="Memory of each process. Default 256.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a script as a run of an automation.

    It has the limits and the hardening of the service's sandbox.
    What it prints goes where it would; how it ended is told on standard error. Exits with 1 unless it succeeded.
    """
    from workbench import sandbox

    limits = sandbox.limits_of(wall_seconds=timeout, cpu_seconds=cpu, memory_mb=memory)
    outcome = sandbox.run(sandbox.code_of(file), sandbox.event_of(event), limits)
    if as_json:
        _print_json(outcome)
    else:
        sandbox.show(outcome, sys.stdout, sys.stderr)
    raise typer.Exit(0 if outcome["status"] == "succeeded" else 1)


@sandbox_app.command()
def protections(as_json: AsJson = False) -> None:
    """Show what hardens a script here, and on AWS."""
    from workbench import sandbox

    found = sandbox.protections()
    if as_json:
        _print_json(found)
        return
    for name, (title, meaning, on_aws) in sandbox.PROTECTIONS.items():
        print(f"{title:<20} {sandbox.held(found[name])}\n    {meaning}\n    On AWS: {on_aws}")


def main() -> None:
    """Runs the command: 0 fine, 1 the thing asked about is not so, 2 wrong use or broken input."""
    # Pulumi's SDK is a million small objects. Neither counting them again and again as they are imported nor taking
    # them down one by one at the end is worth the third of a short command's time that it takes.
    gc.disable()
    code = _exit_code()
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


_OUTSIDE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR)
"""What the machine refuses: no fault of the command, wherever it happens."""


def _exit_code() -> int:
    try:
        app(standalone_mode=True)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 2 if done.code else 0
    except UserError as error:
        print(f"plinth: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:
        print(f"plinth: {_unforeseen(error)}", file=sys.stderr)
        return 2
    return 0


def _unforeseen(error: Exception) -> str:
    """One line about an error that nobody thought of; its traceback goes to a file, for the report."""
    said, file = " ".join(f"{type(error).__name__}: {error}".split()), STATE / "error.log"
    if isinstance(error, OSError) and error.errno in _OUTSIDE:
        return f"{error.filename or STATE} cannot be written: {error.strerror}. Mend that, or set PLINTH_STATE_DIR."
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(traceback.format_exception(error)))
    except OSError as full:
        return f"{said}. That is a fault of plinth itself; {file} could not be written: {full.strerror}."
    return f"{said}. That is a fault of plinth itself: {file} has the details."


def _print_json(document: Any) -> None:
    json.dump(document, sys.stdout, indent=2)
    sys.stdout.write("\n")
