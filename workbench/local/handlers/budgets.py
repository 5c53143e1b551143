"""Budgets."""

from collections.abc import Mapping

RECORDED_ONLY: Mapping[str, str] = {
    "aws:budgets/budget:Budget": "nothing costs anything here",
}
