"""What path operations ask FastAPI for."""

from asyncio import CancelledError
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Query
from sqlalchemy.orm import Session

from service.core import database
from service.core.pagination import PageQuery
from service.core.threads import releasing


async def session_of_request() -> AsyncIterator[Session]:
    """`database.transaction()` for FastAPI, which would enter and leave it in a thread of its own each time."""
    transaction = database.transaction()
    # Nothing waits here: the session connects with its first statement.
    session = transaction.__enter__()
    try:
        yield session
    except (Exception, CancelledError) as error:
        if not await releasing(transaction.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await releasing(transaction.__exit__, None, None, None)


# With scope="function" the commit comes before the response: a client never reads of a change that was then lost.
SessionDependency = Annotated[Session, Depends(session_of_request, scope="function")]
"""The request's session. It commits when the path operation returns and rolls back when it raises."""

PageParameters = Annotated[PageQuery, Query()]
"""`limit` and `cursor`."""
