"""Commands about runs."""

import argparse
import time
from typing import Final
from uuid import UUID

from service.automations import service as automations
from service.cli.acting import acting, given
from service.cli.outcome import Outcome, collected
from service.core.pagination import Page
from service.runs import service
from service.runs.dispatch import send_after_commit
from service.runs.models import ENDED
from service.runs.schemas import RunDetails, RunQuery, RunRead

DEFAULT_TIMEOUT_SECONDS: Final = 50
"""How long `--wait` waits: longer than a run usually takes, shorter than the shell's function in a stack may."""

_POLL_SECONDS = 0.2


def start(options: argparse.Namespace) -> Outcome:
    """Queue a run of an automation, and follow it to its end where that is wanted."""
    with acting(options) as (session, actor):
        run = service.queue_now(session, actor=actor, automation_id=options.id)
        send_after_commit(session, [run])
        answer = RunRead.model_validate(run)
    return _ended(options, answer.id) if options.wait else Outcome(answer=answer)


def list_(options: argparse.Namespace) -> Outcome:
    """List the runs of an automation."""

    def fetch(query: RunQuery) -> Page[RunRead]:
        with acting(options) as (session, actor):
            automation = automations.get(session, actor=actor, automation_id=options.automation)
            page = service.page(session, actor=actor, automation_id=automation.id, **query.model_dump())
            return Page[RunRead].model_validate(page)

    query = RunQuery(**given(options, *RunQuery.model_fields))
    return Outcome(answer=collected(fetch, query, everything=options.all))


def show(options: argparse.Namespace) -> Outcome:
    """Show a run."""
    with acting(options) as (session, actor):
        return Outcome(answer=RunDetails.model_validate(service.get(session, actor=actor, run_id=options.id)))


def cancel(options: argparse.Namespace) -> Outcome:
    """Cancel a run that is still queued."""
    with acting(options) as (session, actor):
        return Outcome(answer=RunRead.model_validate(service.cancel(session, actor=actor, run_id=options.id)))


def rerun(options: argparse.Namespace) -> Outcome:
    """Run again what an ended run ran."""
    with acting(options) as (session, actor):
        run = service.rerun(session, actor=actor, run_id=options.id)
        send_after_commit(session, [run])
        return Outcome(answer=RunRead.model_validate(run))


def _ended(options: argparse.Namespace, run_id: UUID) -> Outcome:
    """The run once it has ended and its sandbox is gone, or as it is when the time is over."""
    seconds = DEFAULT_TIMEOUT_SECONDS if options.timeout is None else options.timeout
    deadline = time.monotonic() + seconds
    while not _is_over(run := _read(options, run_id)):
        if time.monotonic() >= deadline:
            remark = f"\nThe run is still {run.status} after {seconds:g} s: `runs show {run_id}` follows it."
            return Outcome(answer=run, remark=remark, code=1)
        time.sleep(_POLL_SECONDS)
    return Outcome(answer=run, code=0 if run.status == "succeeded" else 1)


def _read(options: argparse.Namespace, run_id: UUID) -> RunRead:
    with acting(options) as (session, actor):
        return RunRead.model_validate(service.get(session, actor=actor, run_id=run_id))


def _is_over(run: RunRead) -> bool:
    # A run that was cancelled or could not be started never had a sandbox that holds anything of it.
    return run.status in ENDED and (run.destroyed_at is not None or run.started_at is None)
