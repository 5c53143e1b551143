"""Something to look at: a user with items whose automations succeed, fail and leave a result."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Final

from sqlalchemy.orm import Session

from service.automations import service as automations
from service.cli.outcome import Outcome
from service.cli.reading import made_password, sent_password
from service.core import database
from service.core.actor import Actor
from service.core.errors import NotFoundError
from service.items import service as items
from service.runs.dispatch import send_after_commit
from service.runs.models import Run
from service.users import service as users
from service.users.models import User


@dataclass(frozen=True)
class Exhibit:
    """An item, the automation attached to it, and the update that starts it."""

    item: str
    before: str
    after: str
    automation: str
    code: str


EXHIBITS: Final = (
    Exhibit(
        item="Espresso machine",
        before="Silver dual boiler machine",
        after="Matte black dual boiler machine",
        automation="notify",
        code='print("Sending another update notification")\n',
    ),
    Exhibit(
        item="Grinder",
        before="Flat burrs",
        after="Conical burrs",
        automation="check the price",
        code='price = event["after"].get("price")\nif price is None:\n    raise ValueError("the item has no price")\n',
    ),
    Exhibit(
        item="Milk jug",
        before="0.3 litres",
        after="0.5 litres",
        automation="tell the difference",
        code=(
            "before, after = event['before'], event['after']\n"
            "result = {name: [before[name], after[name]] for name in after if before[name] != after[name]}\n"
        ),
    ),
)
"""What there is to see: a script that succeeds, one that fails, and one that leaves a result."""


def seed(options: argparse.Namespace) -> Outcome:
    """Add the demo user and what is theirs, or the part of it that is missing."""
    sent = sent_password(options)
    with database.transaction() as session:
        user, password = _user(session, options.email, sent)
        actor = users.actor_for_user(user)
        missing = _missing(session, actor)
        runs = [run for exhibit in missing for run in _show(session, actor, exhibit)]
        send_after_commit(session, runs)
    answer = {
        "email": user.email,
        "password": password,
        "items": [exhibit.item for exhibit in missing],
        "runs": [str(run.id) for run in runs],
    }
    return Outcome(answer=answer, text=_told(user.email, password, [exhibit.item for exhibit in missing]))


def _user(session: Session, email: str, sent: str | None) -> tuple[User, str | None]:
    """The user with that address, and the password where the user was not there before."""
    try:
        return users.find_by_email(session, email=email), None
    except NotFoundError:
        password = made_password() if sent is None else sent
        return users.create_user(session, email=email, password=password), password


def _missing(session: Session, actor: Actor) -> list[Exhibit]:
    return [exhibit for exhibit in EXHIBITS if not items.page(session, actor=actor, name=exhibit.item, limit=1).items]


def _show(session: Session, actor: Actor, exhibit: Exhibit) -> Sequence[Run]:
    item = items.create(session, actor=actor, name=exhibit.item, description=exhibit.before)
    automations.create(session, actor=actor, name=exhibit.automation, code=exhibit.code, item_id=item.id)
    _, runs = items.update(session, actor=actor, item_id=item.id, changes={"description": exhibit.after})
    return runs


def _told(email: str, password: str | None, added: list[str]) -> str:
    if password is None and not added:
        return f"{email} and the demo's items are there already: nothing was changed."
    lines = [f"added for {email}: {', '.join(added) or 'no items'}; their automations are queued"]
    if password is None:
        lines.append("The user was there already: the password is as it was.")
    else:
        fields = " ".join(f"--data-urlencode {quote(f'{name}={value}')}" for name, value in _sign_in(email, password))
        lines += [f"password: {password} (shown this once)", f"Sign in at /docs, or: curl $API/auth/token {fields}"]
    lines.append(f"Look at it with: items list --as {email}")
    return "\n".join(lines)


def _sign_in(email: str, password: str) -> tuple[tuple[str, str], ...]:
    return (("username", email), ("password", password))
