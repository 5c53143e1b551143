"""Commands about runs."""

import argparse
import math
import time
from typing import Final, Unpack
from uuid import UUID

from service.automations import service as automations
from service.cli.acting import acting, given
from service.cli.outcome import Outcome, collected
from service.cli.watching import view
from service.core.pagination import Page, PageQuery
from service.core.settings import get_settings
from service.runs import service
from service.runs.dispatch import send_after_commit
from service.runs.models import ENDED, QUEUED, RUNNING
from service.runs.schemas import RunDetails, RunQuery, RunRead
from service.runs.service import RunFilters

DEFAULT_TIMEOUT_SECONDS: Final = 50
"""How long `--wait` waits: longer than a run usually takes, shorter than the shell's function in a stack may."""

_POLL_SECONDS = 0.2
_POLL_MANY_SECONDS = 0.5


def start(options: argparse.Namespace) -> Outcome:
    """Queue a run of an automation, and follow it to its end where that is wanted."""
    with acting(options) as (session, actor):
        run = service.queue_now(session, actor=actor, automation_id=options.id)
        send_after_commit(session, [run])
        answer = RunRead.model_validate(run)
    return _ended(options, answer.id) if options.wait else Outcome(answer=answer)


def list_(options: argparse.Namespace) -> Outcome:
    """List the runs of all automations, or of one that there is."""

    def fetch(query: RunQuery) -> Page[RunRead]:
        with acting(options) as (session, actor):
            if query.automation_id is not None:
                automations.get(session, actor=actor, automation_id=query.automation_id)
            return Page[RunRead].model_validate(service.page(session, actor=actor, **query.model_dump()))

    query = RunQuery(**given(options, *RunQuery.model_fields))
    return Outcome(answer=collected(fetch, query, everything=options.all))


def show(options: argparse.Namespace) -> Outcome:
    """Show a run."""
    with acting(options) as (session, actor):
        return Outcome(answer=RunDetails.model_validate(service.get(session, actor=actor, run_id=options.id)))


def watch(options: argparse.Namespace) -> Outcome:
    """Follow runs until all have ended, and show each change as it is seen."""
    watched = {run.id: run for run in _named_or_unfinished(options)}
    if not watched:
        return Outcome(remark="No run is queued or running.")
    seconds = _patience(options, default=math.inf)
    deadline = time.monotonic() + seconds
    deleted: list[UUID] = []
    shown = view(as_json=options.json)
    shown.show([*watched.values()], watched)
    while unfinished := [run.id for run in watched.values() if run.status not in ENDED]:
        if time.monotonic() >= deadline:
            return Outcome(complaint=f"{len(unfinished)} not ended after {seconds:g} s.", code=1)
        time.sleep(_POLL_MANY_SECONDS)
        now = {run.id: run for run in _all(options, ids=unfinished)}
        gone = [run_id for run_id in unfinished if run_id not in now]
        changed = [run for run in now.values() if run.status != watched[run.id].status]
        watched = {run_id: now.get(run_id, run) for run_id, run in watched.items() if run_id not in gone}
        deleted += gone
        if changed or gone:
            shown.show(changed, watched)
    complaint = f"Deleted meanwhile: {', '.join(map(str, deleted))}." if deleted else None
    is_success = not deleted and all(run.status == "succeeded" for run in watched.values())
    return Outcome(complaint=complaint, code=0 if is_success else 1)


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
    """The run once it has ended, or as it is when the time is over."""
    seconds = _patience(options, default=DEFAULT_TIMEOUT_SECONDS)
    deadline = time.monotonic() + seconds
    # It ends after its sandbox was destroyed, where anybody can say so.
    while (run := _read(options, run_id)).status not in ENDED:
        if time.monotonic() >= deadline:
            remark = f"\nThe run is still {run.status} after {seconds:g} s: `runs watch {run_id}` follows it."
            return Outcome(answer=run, remark=remark, code=1)
        time.sleep(_POLL_SECONDS)
    return Outcome(answer=run, code=0 if run.status == "succeeded" else 1)


def _read(options: argparse.Namespace, run_id: UUID) -> RunRead:
    with acting(options) as (session, actor):
        return RunRead.model_validate(service.get(session, actor=actor, run_id=run_id))


def _named_or_unfinished(options: argparse.Namespace) -> list[RunRead]:
    """The runs that the command line names, else all that have not ended, oldest first."""
    if not options.ids:
        return _all(options, status=(QUEUED, RUNNING))
    with acting(options) as (session, actor):
        return [RunRead.model_validate(service.get(session, actor=actor, run_id=run_id)) for run_id in options.ids]


def _all(options: argparse.Namespace, **filters: Unpack[RunFilters]) -> list[RunRead]:
    """All runs that the filters leave, oldest first."""

    def fetch(query: PageQuery) -> Page[RunRead]:
        with acting(options) as (session, actor):
            found = service.page(session, actor=actor, sort="created_at", **query.model_dump(), **filters)
            return Page[RunRead].model_validate(found)

    return collected(fetch, PageQuery(limit=100), everything=True).items


def _patience(options: argparse.Namespace, *, default: float) -> float:
    """For how many seconds to wait."""
    seconds = default if options.timeout is None else options.timeout
    # A function that is ended meanwhile answers nothing at all.
    is_in_a_stack = get_settings().aws_lambda_function_name is not None
    return min(seconds, DEFAULT_TIMEOUT_SECONDS) if is_in_a_stack else seconds
