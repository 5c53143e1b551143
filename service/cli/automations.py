"""Commands about automations."""

import argparse
from typing import Any, cast

from service.automations import service
from service.automations.schemas import AutomationCreate, AutomationPatch, AutomationQuery, AutomationRead
from service.cli.acting import acting, expected, given
from service.cli.outcome import Outcome, collected
from service.cli.reading import script
from service.core.pagination import Page


def create(options: argparse.Namespace) -> Outcome:
    """Attach an automation to an item."""
    code = script(options)
    body = AutomationCreate(name=options.name, item_id=options.item_id, code=code or "", enabled=not options.disabled)
    with acting(options) as (session, actor):
        automation = service.create(session, actor=actor, **body.model_dump())
        return Outcome(answer=AutomationRead.model_validate(automation))


def list_(options: argparse.Namespace) -> Outcome:
    """List automations."""

    def fetch(query: AutomationQuery) -> Page[AutomationRead]:
        with acting(options) as (session, actor):
            return Page[AutomationRead].model_validate(service.page(session, actor=actor, **query.model_dump()))

    query = AutomationQuery(**given(options, *AutomationQuery.model_fields))
    return Outcome(answer=collected(fetch, query, everything=options.all))


def show(options: argparse.Namespace) -> Outcome:
    """Show an automation."""
    with acting(options) as (session, actor):
        automation = service.get(session, actor=actor, automation_id=options.id)
        return Outcome(answer=AutomationRead.model_validate(automation))


def update(options: argparse.Namespace) -> Outcome:
    """Change an automation."""
    fields = given(options, "name", "item_id", "enabled")
    if (code := script(options)) is not None:
        fields["code"] = code
    return _changed(options, fields)


def enable(options: argparse.Namespace) -> Outcome:
    """Let updates of its item start an automation."""
    return _changed(options, {"enabled": True})


def disable(options: argparse.Namespace) -> Outcome:
    """Let no update start an automation."""
    return _changed(options, {"enabled": False})


def delete(options: argparse.Namespace) -> Outcome:
    """Delete an automation and its runs."""
    with acting(options) as (session, actor):
        service.delete(session, actor=actor, automation_id=options.id, expected=expected(options))
    return Outcome(remark=f"deleted {options.id}")


def _changed(options: argparse.Namespace, fields: dict[str, Any]) -> Outcome:
    changes = cast("service.AutomationChanges", AutomationPatch(**fields).model_dump(exclude_unset=True))
    with acting(options) as (session, actor):
        automation = service.update(
            session, actor=actor, automation_id=options.id, changes=changes, expected=expected(options)
        )
        return Outcome(answer=AutomationRead.model_validate(automation))
