"""The times at which AWS may back up and maintain a database, as it writes them, in UTC."""

import re

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_WEEK = 7 * _DAY
_SHORTEST = 30
_TIME = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_DAILY = re.compile(f"{_TIME}-{_TIME}")
_WEEKLY = re.compile(f"({'|'.join(_DAYS)}):{_TIME}-({'|'.join(_DAYS)}):{_TIME}")


def is_daily(window: object) -> bool:
    """Whether it is a window like `02:00-03:00`, of 30 minutes or more."""
    found = _DAILY.fullmatch(window) if isinstance(window, str) else None
    return found is not None and len(_every_day(found)) >= 7 * _SHORTEST


def is_weekly(window: object) -> bool:
    """Whether it is a window like `sun:04:00-sun:05:00`, of 30 minutes to 24 hours."""
    found = _WEEKLY.fullmatch(window) if isinstance(window, str) else None
    return found is not None and _SHORTEST <= len(_once_a_week(found)) <= _DAY


def overlap(daily: str, weekly: str) -> bool:
    """Whether a daily window and a weekly one have a minute in common, which AWS refuses."""
    each, once = _DAILY.fullmatch(daily), _WEEKLY.fullmatch(weekly)
    return each is not None and once is not None and not _every_day(each).isdisjoint(_once_a_week(once))


def _every_day(found: re.Match[str]) -> set[int]:
    """The minutes of the week; a window may pass midnight."""
    hour, minute, last_hour, last_minute = map(int, found.groups())
    begin, length = hour * 60 + minute, (last_hour * 60 + last_minute - hour * 60 - minute) % _DAY
    return {(day * _DAY + begin + passed) % _WEEK for day in range(7) for passed in range(length)}


def _once_a_week(found: re.Match[str]) -> set[int]:
    day, hour, minute, last_day, last_hour, last_minute = found.groups()
    begin = _DAYS.index(day) * _DAY + int(hour) * 60 + int(minute)
    end = _DAYS.index(last_day) * _DAY + int(last_hour) * 60 + int(last_minute)
    return {(begin + passed) % _WEEK for passed in range((end - begin) % _WEEK)}
