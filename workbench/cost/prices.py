"""What AWS charges for a unit of each thing that is estimated: list prices of one region, as of one day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

REGION: Final = "us-east-1"
"""The region that the prices are of."""

AS_OF: Final = date(2026, 6, 30)
"""The day that the price lists are of."""


@dataclass(frozen=True)
class Price:
    """The price of `per` units."""

    usd: float
    unit: str
    page: str
    """The published page that it is from, by its name."""
    per: int = 1
    of: str = ""
    """What has to be known beside the unit."""

    @property
    def each(self) -> float:
        """What one unit costs, in USD."""
        return self.usd / self.per

    @property
    def label(self) -> str:
        """The price as people write it: `0.40 USD per million`."""
        digits = f"{self.usd:.10f}".rstrip("0")
        whole, _, cents = digits.partition(".")
        return f"{whole}.{cents.ljust(2, '0')} USD" + (
            f" per {_COUNTS.get(self.per) or f'{self.per:,}'}" * (self.per > 1)
        )


_COUNTS: Mapping[int, str] = {1_000_000: "million"}

_API_GATEWAY = "Amazon API Gateway pricing"
_AURORA = "Amazon Aurora pricing"
_CLOUDWATCH = "Amazon CloudWatch pricing"
_DYNAMODB = "Amazon DynamoDB pricing"
_ELASTICACHE = "Amazon ElastiCache pricing"
_LAMBDA = "AWS Lambda pricing"
_VPC = "Amazon VPC pricing"
_MILLION = 1_000_000

PRICES: Mapping[str, Price] = {
    "aurora capacity": Price(0.12, "capacity unit and hour", _AURORA, of="Serverless v2, Aurora Standard"),
    "aurora capacity, I/O-Optimized": Price(0.156, "capacity unit and hour", _AURORA),
    "aurora storage": Price(0.10, "GB and month", _AURORA),
    "aurora storage, I/O-Optimized": Price(0.225, "GB and month", _AURORA),
    "aurora I/O": Price(0.20, "requests", _AURORA, _MILLION, of="Aurora Standard alone"),
    "database proxy": Price(0.015, "capacity unit and hour", "Amazon RDS Proxy pricing", of="8 units at least"),
    "secret": Price(0.40, "secret and month", "AWS Secrets Manager pricing"),
    "secret reads": Price(0.05, "calls", "AWS Secrets Manager pricing", 10_000),
    "cache storage": Price(0.084, "GB and hour", _ELASTICACHE, of="serverless, Valkey; 0.1 GB at least"),
    "cache storage, other engines": Price(0.125, "GB and hour", _ELASTICACHE, of="serverless; 1 GB at least"),
    "cache units": Price(0.0023, "processing units", _ELASTICACHE, _MILLION, of="serverless, Valkey"),
    "cache units, other engines": Price(0.0034, "processing units", _ELASTICACHE, _MILLION, of="serverless"),
    "table storage": Price(0.25, "GB and month", _DYNAMODB),
    "table writes": Price(0.625, "request units", _DYNAMODB, _MILLION, of="on demand"),
    "table reads": Price(0.125, "request units", _DYNAMODB, _MILLION, of="on demand"),
    "bucket storage": Price(0.023, "GB and month", "Amazon S3 pricing", of="S3 Standard"),
    "function time, arm64": Price(0.0000133334, "GB-seconds", _LAMBDA),
    "function time, x86_64": Price(0.0000166667, "GB-seconds", _LAMBDA),
    "invocations": Price(0.20, "requests", _LAMBDA, _MILLION),
    "snapshot": Price(0.0000015046, "GB-seconds", _LAMBDA, of="SnapStart, per version; 3.95 USD a GB and month"),
    "snapshot restores": Price(0.0001397998, "GB restored", _LAMBDA, of="SnapStart"),
    "MicroVM processor": Price(0.0000276944, "vCPU-seconds", _LAMBDA, of="arm64"),
    "MicroVM memory": Price(0.0000036667, "GB-seconds", _LAMBDA, of="arm64"),
    "MicroVM images": Price(0.08, "GB and month", _LAMBDA),
    "API requests": Price(1.00, "requests", _API_GATEWAY, _MILLION, of="HTTP APIs, the first 300 million"),
    "queue requests": Price(0.40, "requests", "Amazon SQS pricing", _MILLION, of="standard queues"),
    "scheduled invocations": Price(1.00, "invocations", "Amazon EventBridge pricing", _MILLION),
    "interface endpoint": Price(0.01, "zone and hour", "AWS PrivateLink pricing"),
    "NAT gateway": Price(0.045, "hour", _VPC),
    "public IPv4 address": Price(0.005, "hour", _VPC),
    "hosted zone": Price(0.50, "zone and month", "Amazon Route 53 pricing"),
    "web ACL": Price(5.00, "web ACL and month", "AWS WAF pricing"),
    "web ACL rule": Price(1.00, "rule and month", "AWS WAF pricing"),
    "web ACL requests": Price(0.60, "requests", "AWS WAF pricing", _MILLION),
    "logs": Price(0.50, "GB taken in", _CLOUDWATCH, of="standard class, and logs that services deliver"),
    "log storage": Price(0.03, "GB and month", _CLOUDWATCH, of="compressed"),
    "alarm metric": Price(0.10, "metric and month", _CLOUDWATCH, of="looked at each minute or less often"),
    "alarm metric, high resolution": Price(0.30, "metric and month", _CLOUDWATCH),
    "composite alarm": Price(0.50, "alarm and month", _CLOUDWATCH),
    "custom metric": Price(0.30, "metric and month", _CLOUDWATCH, of="for the hours in which it is sent"),
    "dashboard": Price(3.00, "dashboard and month", _CLOUDWATCH),
    "traces": Price(5.00, "traces recorded", "AWS X-Ray pricing", _MILLION),
    "key": Price(1.00, "key and month", "AWS Key Management Service pricing", of="as much again for two rotations"),
}
"""By what they are of. Free tiers are left out: they are an account's, and no stack knows what is left of them."""
