"""Pages of lists, each naming where the next begins. Rows added meanwhile neither repeat nor hide others."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import DateTime, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.core.database import Identified
from service.core.errors import InvalidInputError
from service.core.schema import storable

MAX_PAGE_BYTES = 512 * 1024
"""Stored text in one page. Lambda answers with at most 6 MB, and JSON within JSON can need seven bytes for one."""

MAX_CURSOR_LENGTH: Final = 1200
"""Characters of the longest cursor: 200 characters of a name are at most 800 bytes."""

DEFAULT_LIMIT: Final = 20

_CHECKSUM_BYTES = 8

Row = TypeVar("Row", bound=Identified)
Entry = TypeVar("Entry")


class PageQuery(BaseModel):
    """The query parameters of every list. One that is not declared is refused."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(
        default=DEFAULT_LIMIT, ge=1, le=100, description="The most entries to return; a page may hold fewer."
    )
    cursor: str | SkipJsonSchema[None] = Field(
        default=None,
        max_length=MAX_CURSOR_LENGTH,
        description="`next_cursor` of the page before this one, good for the same `sort`.",
    )


class Page(BaseModel, Generic[Entry]):
    """One page of a list."""

    model_config = ConfigDict(from_attributes=True)

    items: list[Entry]
    next_cursor: str | None = Field(description="Where the next page begins; null on the last page.", examples=[None])


@dataclass(frozen=True)
class Slice(Generic[Entry]):
    """One page of rows."""

    items: Sequence[Entry]
    next_cursor: str | None


@dataclass(frozen=True)
class Order(Generic[Row]):
    """An order of a table's rows: by a time or text column that is never null, among equals by id."""

    table: type[Row]
    sort: str = "-created_at"
    """The column's name, with a `-` before it for the descending order. The default is newest first."""

    within: str = ""
    """What all rows of the list belong to, where it has cursors of its own that no other list takes."""

    @property
    def column(self) -> InstrumentedAttribute[Any]:
        """What the rows are ordered by."""
        return getattr(self.table, self.sort.removeprefix("-"))

    def page_of(
        self,
        session: Session,
        statement: Select[Row],
        *,
        limit: int,
        cursor: str | None,
        size: Callable[[Row], int] = lambda _row: 0,
    ) -> Slice[Row]:
        """The statement's rows in this order, after the cursor. Raises InvalidInputError for another list's cursor.

        The page ends early once its rows' `size` (bytes) would exceed `MAX_PAGE_BYTES`; it holds at least one row.
        """
        descending = self.sort.startswith("-")
        by = (self.column, self.table.id)
        if cursor is not None:
            # Compared by the database alone, whose order of texts need not be Python's.
            place, reached = tuple_(*by), tuple_(*self._decoded(cursor))
            statement = statement.where(place < reached if descending else place > reached)
        statement = statement.order_by(*(part.desc() if descending else part.asc() for part in by))
        rows = session.scalars(statement.limit(limit + 1)).all()
        taken = _that_fit(rows[:limit], size)
        return Slice(taken, self._encoded(taken[-1]) if len(taken) < len(rows) else None)

    def _encoded(self, last: Row) -> str:
        value = getattr(last, self.column.key)
        text = value.isoformat() if isinstance(value, datetime) else value
        return self._sealed(last.id.bytes + text.encode())

    def _decoded(self, cursor: str) -> tuple[Any, UUID]:
        try:
            place = base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")[_CHECKSUM_BYTES:]
            value, last = self._value(place[16:].decode()), UUID(bytes=place[:16])
        except (ValueError, binascii.Error):
            place, value, last = b"", None, None
        if last is None or self._sealed(place) != cursor:
            raise InvalidInputError("The cursor is not one that this list returned for this order.")
        return value, last

    def _value(self, text: str) -> Any:
        if not isinstance(self.column.type, DateTime):
            return storable(text)
        value = datetime.fromisoformat(text)
        if value.tzinfo is None:
            raise ValueError("a time without its zone")
        return value

    def _sealed(self, place: bytes) -> str:
        # The checksum tells a cursor of another list or order, and a damaged one. It is no secret: whoever forges a
        # cursor begins elsewhere in what they may read anyway.
        order = f"{self.table.__name__} {self.sort} {self.within}\0".encode()
        checksum = hashlib.sha256(order + place).digest()[:_CHECKSUM_BYTES]
        return base64.urlsafe_b64encode(checksum + place).rstrip(b"=").decode()


def _that_fit(rows: Sequence[Row], size: Callable[[Row], int]) -> Sequence[Row]:
    total = 0
    for index, row in enumerate(rows):
        total += size(row)
        if index and total > MAX_PAGE_BYTES:
            return rows[:index]
    return rows
