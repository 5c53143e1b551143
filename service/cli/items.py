"""Commands about items."""

import argparse
from typing import cast

from service.cli.acting import acting, expected, given
from service.cli.outcome import Outcome, collected
from service.core.pagination import Page
from service.items import service
from service.items.schemas import ItemCreate, ItemPatch, ItemQuery, ItemRead, ItemUpdated
from service.runs.dispatch import send_after_commit


def create(options: argparse.Namespace) -> Outcome:
    """Create an item."""
    body = ItemCreate(**given(options, "name", "description"))
    with acting(options) as (session, actor):
        item = service.create(session, actor=actor, name=body.name, description=body.description)
        return Outcome(answer=ItemRead.model_validate(item))


def list_(options: argparse.Namespace) -> Outcome:
    """List items."""

    def fetch(query: ItemQuery) -> Page[ItemRead]:
        with acting(options) as (session, actor):
            return Page[ItemRead].model_validate(service.page(session, actor=actor, **query.model_dump()))

    query = ItemQuery(**given(options, *ItemQuery.model_fields))
    return Outcome(answer=collected(fetch, query, everything=options.all))


def show(options: argparse.Namespace) -> Outcome:
    """Show an item."""
    with acting(options) as (session, actor):
        return Outcome(answer=ItemRead.model_validate(service.get(session, actor=actor, item_id=options.id)))


def update(options: argparse.Namespace) -> Outcome:
    """Change an item and start its enabled automations."""
    fields = given(options, "name", "description")
    if options.no_description:
        fields["description"] = None
    changes = cast("service.ItemChanges", ItemPatch(**fields).model_dump(exclude_unset=True))
    with acting(options) as (session, actor):
        item, runs = service.update(
            session, actor=actor, item_id=options.id, changes=changes, expected=expected(options)
        )
        send_after_commit(session, runs)
        read = ItemRead.model_validate(item)
        return Outcome(answer=ItemUpdated(**read.model_dump(), runs=[run.id for run in runs]))


def delete(options: argparse.Namespace) -> Outcome:
    """Delete an item, its automations and their runs."""
    with acting(options) as (session, actor):
        service.delete(session, actor=actor, item_id=options.id, expected=expected(options))
    return Outcome(remark=f"deleted {options.id}")
