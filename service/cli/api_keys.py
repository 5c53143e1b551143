"""Commands about API keys."""

import argparse

from service.api_keys import service
from service.api_keys.schemas import ApiKeyCreate, ApiKeyCreated, ApiKeyRead
from service.cli.acting import acting, given
from service.cli.outcome import Outcome, collected
from service.core.pagination import Page, PageQuery


def create(options: argparse.Namespace) -> Outcome:
    """Make an API key."""
    body = ApiKeyCreate(**given(options, "name", "scopes", "expires_at"))
    with acting(options) as (session, actor):
        made = service.create(session, actor=actor, name=body.name, scopes=body.scopes, expires_at=body.expires_at)
        answer = ApiKeyCreated(**ApiKeyRead.model_validate(made.stored).model_dump(), key=made.key)
    return Outcome(answer=answer, remark="\nThe key is shown this once: keep it.")


def list_(options: argparse.Namespace) -> Outcome:
    """List API keys."""

    def fetch(query: PageQuery) -> Page[ApiKeyRead]:
        with acting(options) as (session, actor):
            page = service.page(session, actor=actor, limit=query.limit, cursor=query.cursor)
            return Page[ApiKeyRead].model_validate(page)

    query = PageQuery(**given(options, "limit", "cursor"))
    return Outcome(answer=collected(fetch, query, everything=options.all))


def revoke(options: argparse.Namespace) -> Outcome:
    """Revoke an API key."""
    with acting(options) as (session, actor):
        service.revoke(session, actor=actor, api_key_id=options.id)
    return Outcome(remark=f"revoked {options.id}")
