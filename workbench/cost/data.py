"""What keeps data: databases, caches, secrets, tables, buckets and keys."""

from collections.abc import Iterator

from workbench.cost.load import HOURS, SECONDS
from workbench.cost.triggers import interval_of, triggers
from workbench.cost.usage import Site, Usage, at, used
from workbench.diff.snapshot import Entry

_CLUSTER = "aws:rds/cluster:Cluster"
_INSTANCE = "aws:rds/clusterInstance:ClusterInstance"

_LEAST_AWAKE = 0.5
"""Capacity units of a database that is not paused (Amazon Aurora user guide, Serverless v2 capacity)."""

_LEAST_OF_A_PROXY = 8
"""Capacity units that a proxy is charged for at least (Amazon RDS Proxy pricing)."""


def cluster(site: Site, entry: Entry) -> Iterator[Usage]:
    """A cluster's storage and its master secret; its capacity is that of its instances."""
    load, stored = site.load, (site.load.database_gb, "GB")
    if _is_io_optimized(entry):
        yield used("storage", "aurora storage, I/O-Optimized", stored)
    else:
        requests = load.requests * load.database_requests
        yield used("storage", "aurora storage", stored)
        yield used("storage requests", "aurora I/O", (requests, "requests"), loaded=True)
    if entry.inputs.get("manageMasterUserPassword"):
        yield used("secrets", "secret", (1, "secrets"))


def instance(site: Site, entry: Entry) -> Iterator[Usage]:
    """One instance of a cluster: at its least capacity while idle, and as large as the load asks for."""
    if entry.inputs.get("instanceClass") != "db.serverless":
        site.notes.append(f"{entry.name}: instances of a fixed class are not estimated.")
        return
    found = site.made_of(entry, "clusterIdentifier", _CLUSTER)
    if not found:
        site.assume(entry, "the cluster's capacity", f"{_LEAST_AWAKE:g}")
    owner = found[0] if found else entry
    price = "aurora capacity, I/O-Optimized" if _is_io_optimized(owner) else "aurora capacity"
    idle, busy = _capacity(site, owner)
    if site.number(owner, _LEAST, _LEAST_AWAKE):
        yield used("capacity", price, (idle, "units"), (HOURS, "h"))
        awake = 1.0
    else:
        awake = _awake(site, owner)
        if awake:
            yield used("capacity", price, (_LEAST_AWAKE, "units"), (awake * HOURS, "h awake"))
    if site.load.requests and (extra := busy - idle * awake) > 0:
        yield used("capacity", price, (extra, "more units"), (HOURS, "h"), loaded=True)


_LEAST = "serverlessv2ScalingConfiguration.minCapacity"


def _capacity(site: Site, owner: Entry) -> tuple[float, float]:
    """Capacity units of one instance that is awake: idle, and under load."""
    idle = max(_LEAST_AWAKE, site.number(owner, _LEAST, _LEAST_AWAKE))
    most = max(idle, site.number(owner, "serverlessv2ScalingConfiguration.maxCapacity", idle))
    return idle, min(most, max(idle, site.load.requests * site.load.database_unit_seconds / SECONDS))


def _awake(site: Site, owner: Entry) -> float:
    """The share of an idle month in which a database that may pause does not."""
    if any(owner in site.made_of(target, "dbClusterIdentifier", _CLUSTER) for target in site.of_type(_PROXY_TARGET)):
        return 1
    pause = site.number(owner, "serverlessv2ScalingConfiguration.secondsUntilAutoPause", 300)
    shares = [
        pause / interval_of(site, schedule)
        for schedule, function in triggers(site).scheduled
        if owner in site.made_of(function, "environment", _CLUSTER)
    ]
    return min(1, sum(shares))


_PROXY_TARGET = "aws:rds/proxyTarget:ProxyTarget"


def proxy(site: Site, entry: Entry) -> Iterator[Usage]:
    """A proxy, by the capacity of the instances behind it."""
    clusters = [
        owner
        for target in site.of_type(_PROXY_TARGET)
        if entry in site.made_of(target, "dbProxyName", entry.type)
        for owner in site.made_of(target, "dbClusterIdentifier", _CLUSTER)
    ]
    idle = busy = 0.0
    for owner in clusters:
        instances = [
            each for each in site.of_type(_INSTANCE) if owner in site.made_of(each, "clusterIdentifier", _CLUSTER)
        ]
        least, most = _capacity(site, owner)
        idle, busy = idle + len(instances) * least, busy + len(instances) * most
    idle, busy = max(_LEAST_OF_A_PROXY, idle), max(_LEAST_OF_A_PROXY, busy)
    yield used("proxy", "database proxy", (idle, "units"), (HOURS, "h"))
    if busy > idle:
        yield used("proxy", "database proxy", (busy - idle, "more units"), (HOURS, "h"), loaded=True)


def _is_io_optimized(entry: Entry) -> bool:
    return entry.inputs.get("storageType") == "aurora-iopt1"


def cache(site: Site, entry: Entry) -> Iterator[Usage]:
    """A serverless cache: what it stores at least, and what requests take."""
    storage, units, least = "cache storage, other engines", "cache units, other engines", 1.0
    if entry.inputs.get("engine") == "valkey":
        storage, units, least = "cache storage", "cache units", 0.1
    stored = max(least, site.number(entry, "cacheUsageLimits.dataStorage.minimum", least))
    reserved = site.number(entry, "cacheUsageLimits.ecpuPerSeconds.0.minimum", 0) * SECONDS
    asked = site.load.requests * site.load.cache_units
    yield used("storage", storage, (stored, "GB"), (HOURS, "h"))
    if reserved:
        yield used("processing", units, (reserved, "units reserved"))
    if asked > reserved:
        yield used("processing", units, (asked - reserved, "units"), loaded=True)


def secret(site: Site, _: Entry) -> Iterator[Usage]:
    """A secret, which each new instance reads once."""
    yield used("secrets", "secret", (1, "secrets"))
    yield used("reading secrets", "secret reads", (site.load.requests * site.load.cold_starts, "reads"), loaded=True)


def key(_site: Site, _: Entry) -> Iterator[Usage]:
    """A key, before its first rotation."""
    yield used("keys", "key", (1, "keys"))


def bucket(site: Site, _: Entry) -> Iterator[Usage]:
    """A bucket's storage."""
    yield used("storage", "bucket storage", (site.load.stored_gb, "GB"))


def table(site: Site, entry: Entry) -> Iterator[Usage]:
    """A table on demand, of which each request reads one item and each run writes one."""
    yield used("storage", "table storage", (site.load.stored_gb, "GB"))
    if at(entry.inputs, "billingMode") == "PAY_PER_REQUEST":
        yield used("reads", "table reads", (site.load.requests, "reads"), loaded=True)
        yield used("writes", "table writes", (site.load.runs, "writes"), loaded=True)
    else:
        site.notes.append(f"{entry.name}: provisioned capacity of tables is not estimated.")
