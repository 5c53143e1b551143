"""The lock that every change of what an owner has takes first.

Under it things are counted, so that two requests at once do not both take the last place, and nothing that reaches
many rows, such as a deletion, can meet another in an order that blocks both. Cancelling or executing a run goes without
it: either locks one row and waits for no other.
"""

from sqlalchemy.orm import Session

from service.core.actor import Actor
from service.core.errors import UnauthenticatedError
from service.users import repository


def lock(session: Session, actor: Actor) -> None:
    """Lock the actor's user until the transaction ends: before any item, automation or run is locked.

    Raises UnauthenticatedError where the user was deleted since the credential was checked.
    """
    if not repository.lock(session, actor.user_id):
        raise UnauthenticatedError("The user is gone.", error="invalid_token")
