"""What traffic goes through: APIs, endpoints, gateways, addresses, flow logs, zones and firewalls."""

from collections.abc import Iterator
from typing import Any

from workbench.cost.load import HOURS
from workbench.cost.usage import Site, Usage, at, mappings, used
from workbench.cost.watching import logged
from workbench.diff.snapshot import Entry

_STAGE = "aws:apigatewayv2/stage:Stage"


def stage(site: Site, entry: Entry) -> Iterator[Usage]:
    """A stage of an HTTP API: its requests, its access log, and a set of metrics for each route that asks for them."""
    load = site.load
    requests = load.requests / len(site.of_type(_STAGE))
    yield used("requests", "API requests", (requests, "requests"), loaded=True)
    destination = at(entry.inputs, "accessLogSettings.destinationArn")
    if destination is not None:
        gb = requests * load.access_log_bytes / 1e9
        yield from logged(site, gb, _log_group(destination), loaded=True)
    settings = mappings(entry.inputs.get("routeSettings"))
    if routes := sum(each.get("detailedMetricsEnabled") is True for each in settings):
        share = min(load.route_hours, requests / (routes * HOURS))
        metrics = ((routes, "routes"), (_METRICS_A_ROUTE, "metrics"), (share, "of the time"))
        yield used("metrics per route", "custom metric", *metrics, loaded=True)


_METRICS_A_ROUTE = 6
"""4xx, 5xx, Count, DataProcessed, IntegrationLatency, Latency (API Gateway: Working with metrics for HTTP APIs)."""


def _log_group(arn: Any) -> str:
    return str(arn).partition(":log-group:")[2].removesuffix(":*")


def endpoint(site: Site, entry: Entry) -> Iterator[Usage]:
    """An interface endpoint, in each of its zones; a gateway endpoint costs nothing."""
    kind = at(entry.inputs, "vpcEndpointType") or "Gateway"
    if kind == "Interface":
        zones = site.count(entry, "subnetIds", 1)
        yield used("interface endpoints", "interface endpoint", (zones, "zones"), (HOURS, "h"))
    elif kind != "Gateway":
        site.notes.append(f"{entry.name}: of endpoints, only interfaces and gateways are estimated.")


def nat_gateway(_site: Site, _: Entry) -> Iterator[Usage]:
    """A NAT gateway. Its address is a resource of its own."""
    yield used("NAT gateways", "NAT gateway", (1, "gateways"), (HOURS, "h"))


def address(_site: Site, _: Entry) -> Iterator[Usage]:
    """A public IPv4 address."""
    yield used("public addresses", "public IPv4 address", (1, "addresses"), (HOURS, "h"))


def crosswalk_vpc(site: Site, entry: Entry) -> Iterator[Usage]:
    """A VPC of awsx, which makes a NAT gateway a zone where it has private subnets and nothing says otherwise."""
    zones = site.count(entry, "availabilityZoneNames", int(site.number(entry, "numberOfAvailabilityZones", 3)))
    specs = mappings(entry.inputs.get("subnetSpecs"))
    private = not specs or any(str(spec.get("type")).lower() == "private" for spec in specs)
    strategy = at(entry.inputs, "natGateways.strategy") or ("OnePerAz" if private else "None")
    if gateways := {"OnePerAz": zones, "Single": 1}.get(str(strategy), 0):
        yield used("NAT gateways", "NAT gateway", (gateways, "gateways"), (HOURS, "h"))
        yield used("public addresses", "public IPv4 address", (gateways, "addresses"), (HOURS, "h"))


def flow_log(site: Site, entry: Entry) -> Iterator[Usage]:
    """The records of connections that are held open."""
    if at(entry.inputs, "logDestinationType") in (None, "cloud-watch-logs"):
        connections = site.load.connections if site.load.requests else 0
        gb = connections * _RECORDS_AN_HOUR * HOURS * _RECORD_BYTES / 1e9
        yield from logged(site, gb, _log_group(at(entry.inputs, "logDestination")), loaded=True)
    else:
        site.notes.append(f"{entry.name}: only flow logs in CloudWatch are estimated.")


_RECORDS_AN_HOUR = 2 * 2 * 6
"""For each direction, at both interfaces, every ten minutes."""

_RECORD_BYTES = 120


def zone(_site: Site, _: Entry) -> Iterator[Usage]:
    """A hosted zone."""
    yield used("hosted zones", "hosted zone", (1, "zones"))


def web_acl(site: Site, entry: Entry) -> Iterator[Usage]:
    """A web ACL with its rules."""
    yield used("firewall", "web ACL", (1, "web ACLs"))
    if rules := site.count(entry, "rules", 0):
        yield used("firewall rules", "web ACL rule", (rules, "rules"))
    yield used("firewall requests", "web ACL requests", (site.load.requests, "requests"), loaded=True)
