"""What lists can be narrowed by: declared fields, each with its condition, and the values that stand in a query."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints
from sqlalchemy import ColumnElement, Select

from service.core.schema import storable

Conditions = Mapping[str, Callable[[Any], ColumnElement[bool]]]
"""For each filter the condition that its value makes."""

Row = TypeVar("Row")

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def narrowed(statement: Select[Row], conditions: Conditions, filters: Mapping[str, Any]) -> Select[Row]:
    """The statement with the condition of each filter; one whose value is None or empty narrows nothing."""
    for name, value in filters.items():
        if value is not None and value != []:
            statement = statement.where(conditions[name](value))
    return statement


def _instant(value: object) -> object:
    # Pydantic also takes numbers and half a dozen other forms, none of which the contract names.
    if isinstance(value, str) and not _RFC3339.fullmatch(value):
        raise ValueError("must be a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z")
    return value


def _boolean(value: object) -> object:
    if isinstance(value, str):
        if value not in _BOOLEANS:
            raise ValueError("must be true or false")
        return _BOOLEANS[value]
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""A time with its offset from UTC."""

Flag = Annotated[bool, BeforeValidator(_boolean)]
"""`true` or `false`, written so."""

SearchText = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(storable)]
"""Part of a name."""
