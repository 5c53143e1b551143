"""What path operations ask FastAPI for."""

from typing import Annotated

from fastapi import Depends, Query
from sqlalchemy.orm import Session

from service.core import database
from service.core.pagination import PageQuery

# With scope="function" the commit comes before the response: a client never reads of a change that was then lost.
SessionDependency = Annotated[Session, Depends(database.get_session, scope="function")]
"""The request's session. It commits when the path operation returns and rolls back when it raises."""

PageParameters = Annotated[PageQuery, Query()]
"""`limit` and `cursor`."""
