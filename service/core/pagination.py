"""Pages: newest first, each page naming where the next begins. Rows added meanwhile neither repeat nor hide others."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.core.errors import InvalidInputError

MAX_PAGE_BYTES = 512 * 1024
"""Stored text in one page. Lambda answers with at most 6 MB, and JSON within JSON can need seven bytes for one."""

Row = TypeVar("Row")
Entry = TypeVar("Entry")


class PageQuery(BaseModel):
    """The query parameters of every list."""

    model_config = ConfigDict(extra="ignore")

    limit: int = Field(default=20, ge=1, le=100, description="The most entries to return; a page may hold fewer.")
    cursor: str | None = Field(default=None, max_length=200, description="`next_cursor` of the page before this one.")


class Page(BaseModel, Generic[Entry]):
    """One page of a list."""

    model_config = ConfigDict(from_attributes=True)

    items: list[Entry]
    next_cursor: str | None = Field(description="Where the next page begins; null on the last page.")


@dataclass(frozen=True)
class Slice(Generic[Row]):
    """One page of rows."""

    items: Sequence[Row]
    next_cursor: str | None


def newest_first(
    session: Session,
    statement: Select[Row],
    key: InstrumentedAttribute[UUID],
    *,
    limit: int,
    cursor: str | None,
    size: Callable[[Row], int] = lambda _row: 0,
) -> Slice[Row]:
    """The statement's rows in descending order of `key`, after the cursor.

    The page ends early once its rows' `size` (bytes) would exceed `MAX_PAGE_BYTES`; it holds at least one row.
    """
    if cursor is not None:
        statement = statement.where(key < decode_cursor(cursor))
    rows = session.scalars(statement.order_by(key.desc()).limit(limit + 1)).all()
    taken = _that_fit(rows[:limit], size)
    more = len(taken) < len(rows)
    return Slice(taken, encode_cursor(getattr(taken[-1], key.key)) if more else None)


def encode_cursor(last: UUID) -> str:
    """An opaque, URL-safe text for the last row of a page."""
    return base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> UUID:
    """The row that a cursor names. Raises InvalidInputError for what `encode_cursor` never made."""
    try:
        decoded = UUID(bytes=base64.urlsafe_b64decode(cursor.encode("ascii") + b"=="))
    except (ValueError, binascii.Error):
        decoded = None
    if decoded is None or encode_cursor(decoded) != cursor:
        raise InvalidInputError("The cursor is not one that this list returned.")
    return decoded


def _that_fit(rows: Sequence[Row], size: Callable[[Row], int]) -> Sequence[Row]:
    total = 0
    for index, row in enumerate(rows):
        total += size(row)
        if index and total > MAX_PAGE_BYTES:
            return rows[:index]
    return rows
