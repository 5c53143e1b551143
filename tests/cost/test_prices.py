"""The figures that the components, the settings and the documentation give are those of the table of prices."""

import ast
import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from components.plugin import components
from workbench.cost.load import HOURS, SECONDS
from workbench.cost.prices import PRICES, Price
from workbench.project import ROOT


def _(price: str, *factors: float) -> float:
    """What so much costs, in USD."""
    amount = PRICES[price].each
    for factor in factors:
        amount *= factor
    return amount


MILLION = 1_000_000
RUN = 2 * 0.5
"""GB-seconds of a run of 2 seconds at 512 MB."""
SNAPSHOT = _("snapshot", SECONDS)
ALARMS, DASHBOARD, KEY = _("alarm metric", 20), _("dashboard"), _("key")

FIGURES: Mapping[str, Sequence[tuple[str, float]]] = {
    "Database": [
        ("0.12", _("aurora capacity")),
        ("44", _("aurora capacity", 0.5, HOURS)),
        ("0.10", _("aurora storage")),
        ("0.20", _("aurora I/O", MILLION)),
        ("0.40", _("secret")),
        ("0.40", _("secret")),
        ("0.50", _("logs")),
        ("0.015", _("database proxy")),
        ("88", _("database proxy", 8, HOURS)),
    ],
    "DeployRole": [],
    "HttpApi": [
        ("1.00", _("API requests", MILLION)),
        ("0.50", _("logs")),
        ("0.25", _("logs", 500 * MILLION / 1e9)),
        ("0.30", _("custom metric")),
        ("1.80", _("custom metric", 6)),
        ("0.50", _("hosted zone")),
    ],
    "Migration": [],
    "Network": [
        ("0.01", _("interface endpoint")),
        ("0.01", _("interface endpoint")),
        ("44", _("interface endpoint", 3, 2, HOURS)),
        ("33", _("NAT gateway", HOURS)),
        ("0.50", _("logs")),
        ("1", _("logs", 1000 * 2 * 2 * 6 * HOURS * 120 / 1e9)),
    ],
    "Observability": [
        ("0.10", _("alarm metric")),
        ("3.00", DASHBOARD),
        ("1.00", KEY),
        # The lower ones are those of an account whose free alarms and dashboards nobody else has taken.
        ("1.00", ALARMS - _("alarm metric", 10)),
        ("2.00", ALARMS),
        ("2.00", ALARMS - _("alarm metric", 10) + KEY),
        ("6.00", ALARMS + DASHBOARD + KEY),
    ],
    "PythonFunction": [
        ("0.0000133334", _("function time, arm64")),
        ("0.20", _("invocations", MILLION)),
        ("0.87", _("function time, arm64", MILLION, 0.1, 0.5) + _("invocations", MILLION)),
        ("3.95", SNAPSHOT),
        ("5", _("traces", MILLION)),
    ],
    "RateLimitStore": [
        ("0.084", _("cache storage")),
        ("6", _("cache storage", 0.1, HOURS)),
        ("0.0023", _("cache units", MILLION)),
        ("0.007", _("cache units", 3 * MILLION)),
    ],
    "SandboxFunction": [("0.00001", _("function time, arm64", RUN) + _("invocations", 1))],
    "SandboxImage": [
        ("0.0000276944", _("MicroVM processor")),
        ("0.0000036667", _("MicroVM memory")),
        ("0.00007", _("MicroVM processor", 2) + _("MicroVM memory", 2, 2)),
        ("0.08", _("MicroVM images")),
    ],
    "SealedNetwork": [],
    "SigningKeys": [("0.40", _("secret")), ("0.05", _("secret reads", 10_000))],
    "WorkQueue": [("0.40", _("queue requests", MILLION))],
}
"""By component, each figure of its paragraph on cost in its order, and what it comes to by the table."""

SETTINGS: Mapping[str, Sequence[tuple[str, float]]] = {
    "network_egress": [("7.30", _("interface endpoint", HOURS))],
    "database_proxy": [("0.12", _("database proxy", 8))],
    "api_snap_start": [("2", SNAPSHOT / 2)],
}

DOCUMENT = [
    ("7.30", _("interface endpoint", HOURS)),
    ("66", _("interface endpoint", 3, 3, HOURS)),
    ("44", _("aurora capacity", 0.5, HOURS)),
    ("0.12", _("aurora capacity")),
    ("350", _("aurora capacity", 2, 2, HOURS)),
    ("88", _("database proxy", 8, HOURS)),
    ("0.40", _("secret")),
    ("0.50", _("logs")),
    ("9", _("cache storage", 0.1, HOURS) + _("secret") + SNAPSHOT / 2),
]
"""The figures of the table in docs/adding-a-stack.md."""


@pytest.mark.parametrize("component", components(), ids=lambda component: component.__name__)
def test_what_a_component_says_it_costs_is_what_the_table_says(component: type) -> None:
    said = inspect.cleandoc(component.__doc__ or "").partition("Cost: ")[2].partition("Security: ")[0]
    _agree(said, FIGURES[component.__name__])


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_what_a_setting_says_it_costs_is_what_the_table_says(setting: str) -> None:
    _agree(_documented()[setting], SETTINGS[setting])


def test_no_other_setting_gives_a_figure() -> None:
    assert {name for name, said in _documented().items() if _figures(said)} == set(SETTINGS)


def test_what_the_page_on_adding_a_stack_says_is_what_the_table_says() -> None:
    page = (ROOT / "docs" / "adding-a-stack.md").read_text()
    _agree(page, DOCUMENT)


def test_prices_are_shown_as_people_write_them() -> None:
    assert [PRICES[name].label for name in ("secret", "alarm metric", "NAT gateway", "snapshot")] == [
        "0.40 USD",
        "0.10 USD",
        "0.045 USD",
        "0.0000015046 USD",
    ]
    assert PRICES["queue requests"].label == "0.40 USD per million"
    assert Price(0.05, "calls", "", 10_000).label == "0.05 USD per 10,000"


def test_every_price_has_its_page_and_is_used() -> None:
    assert [name for name, price in PRICES.items() if not (price.page.endswith(" pricing") and price.usd > 0)] == []
    code = "".join(path.read_text() for path in Path(ROOT / "workbench" / "cost").glob("*.py") if path.stem != "prices")
    assert [name for name in PRICES if f'"{name}"' not in code] == []


def _agree(said: str, figures: Sequence[tuple[str, float]]) -> None:
    assert _figures(said) == [figure for figure, _ in figures]
    for figure, amount in figures:
        decimals = len(figure.partition(".")[2])
        assert f"{amount:.{decimals}f}" == figure


def _figures(said: str) -> list[str]:
    """The amounts of money: numbers with cents, and those before `USD`."""
    return re.findall(r"(?<![\d.,])(\d+\.\d{2,}|\d+(?= USD))", " ".join(said.split()))


def _documented() -> dict[str, str]:
    """The docstrings of the settings."""
    module = ast.parse((ROOT / "stacks" / "settings.py").read_text())
    (settings,) = (node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "StackSettings")
    return {
        field.target.id: said.value.value
        for field, said in zip(settings.body, settings.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
        and isinstance(said.value.value, str)
    }
