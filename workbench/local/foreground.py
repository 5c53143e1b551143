"""An `up` that stays: prints the functions' logs, applies changes if it watches, and takes all down at the end."""

import gc
import sys
import threading

from botocore.exceptions import BotoCoreError, ClientError

from workbench.errors import UserError
from workbench.local.logs import follow
from workbench.local.stack import LocalStack
from workbench.progress import Progress
from workbench.project import ROOT

WATCHED = ("components", "sandbox_lambda", "service", "stacks", "locks")


def hold(local: LocalStack, interrupted: threading.Event, *, applied: float, watch: bool, quiet: bool) -> None:
    """Prints logs until it is interrupted, by exception or by event, then takes the stack down.

    `applied` is the time (seconds since 1970) from which on a save may have come too late for the last apply.
    """
    gc.enable()  # off in commands that are soon over
    stop, watching = threading.Event(), threading.Event()
    watcher = threading.Thread(target=_apply_changes, args=(local, applied, stop, watching, quiet), daemon=True)
    try:
        if watch:
            watcher.start()
            watching.wait()
        if not quiet:
            print("Ctrl-C takes it down. Logs:", file=sys.stderr, flush=True)
        for line in follow(local.cloud(), local.state()):
            if interrupted.is_set():
                break
            if line and not quiet:
                print(line, flush=True)
            if not local.is_up():
                raise UserError(_broken(local))
    except KeyboardInterrupt:
        pass
    except (BotoCoreError, ClientError) as error:
        raise UserError(_broken(local)) from error
    finally:
        stop.set()
        local.down()
    if not quiet:
        print(f"{local.name} is down.", file=sys.stderr)


def _broken(local: LocalStack) -> str:
    ended = [name for name, process in local.processes.recorded().items() if not process.alive()]
    which = f"The {ended[0]}" if ended else "A process"
    return f"{which} of {local.name} ended: `plinth up {local.name}` starts the stack again."


def _apply_changes(
    local: LocalStack, applied: float, stop: threading.Event, watching: threading.Event, quiet: bool
) -> None:
    import watchfiles

    changes = watchfiles.watch(
        *(ROOT / name for name in WATCHED),
        watch_filter=watchfiles.PythonFilter(extra_extensions=(".txt", ".yaml")),
        stop_event=stop,
        rust_timeout=200,
        yield_on_timeout=True,
    )
    for changed in changes:
        missed = not watching.is_set() and _saved_since(applied)
        watching.set()
        if not changed and not missed:
            continue
        _forget_project_modules()
        try:
            with Progress(local.name, quiet=quiet) as progress:
                progress.summary(local.up(port=None, stay=True, say=progress.say, report=progress.report))
        except UserError as error:
            print(f"plinth: {error}", file=sys.stderr, flush=True)


def _saved_since(moment: float) -> bool:
    return any(path.stat().st_mtime >= moment for name in WATCHED for path in (ROOT / name).rglob("*.py"))


def _forget_project_modules() -> None:
    """The next evaluation imports the program as it is now."""
    for name in list(sys.modules):
        if name.partition(".")[0] in ("components", "service", "stacks"):
            del sys.modules[name]
