"""What watches a stack: logs, alarms and dashboards."""

from collections.abc import Iterator

from workbench.cost.load import MONTH_DAYS
from workbench.cost.usage import Site, Usage, at, mappings, used
from workbench.diff.snapshot import Entry

_COMPRESSED = 0.15
"""What logs shrink to when they are stored (Amazon CloudWatch pricing, its examples)."""

_KEPT_FOREVER = 365
"""Days of a log that is never deleted that an estimate of one month can reckon with."""


def logged(site: Site, gb: float, group: object, *, loaded: bool) -> Iterator[Usage]:
    """What it costs to take in so many GB a month into a log group, and to store as many as its retention holds."""
    groups = [each for each in site.of_type("aws:cloudwatch/logGroup:LogGroup") if each.inputs.get("name") == group]
    days = site.number(groups[0], "retentionInDays", 0) if groups else 0
    months = (days or _KEPT_FOREVER) / MONTH_DAYS
    yield used("logs", "logs", (gb, "GB"), loaded=loaded)
    yield used("stored logs", "log storage", (gb, "GB"), (months, "months"), (_COMPRESSED, ""), loaded=loaded)


def alarm(_site: Site, entry: Entry) -> Iterator[Usage]:
    """An alarm, by the metrics it looks at. Of expressions over them only a band of anomalies counts, as two."""
    queries = mappings(entry.inputs.get("metricQueries"))
    metrics = [query["metric"] for query in queries if query.get("metric")]
    bands = sum("ANOMALY_DETECTION_BAND" in str(query.get("expression")) for query in queries)
    periods = [at(metric, "period") for metric in metrics] or [entry.inputs.get("period")]
    fast = any(isinstance(period, (int, float)) and period < 60 for period in periods)
    price = "alarm metric, high resolution" if fast else "alarm metric"
    yield used("alarms", price, ((len(metrics) or 1) + 2 * bands, "metrics"))


def composite_alarm(_site: Site, _: Entry) -> Iterator[Usage]:
    """An alarm made of others."""
    yield used("alarms", "composite alarm", (1, "alarms"))


def dashboard(_site: Site, _: Entry) -> Iterator[Usage]:
    """A dashboard."""
    yield used("dashboards", "dashboard", (1, "dashboards"))
