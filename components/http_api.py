"""The HTTP API in front of a function: explicit routes, each with a throttle of its own."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, cast

import pulumi
import pulumi_aws as aws

from components.component import Component, ComponentArgs, check_keys
from components.naming import physical_name, route_name
from components.rules import (
    ORIGIN,
    Rule,
    above_zero,
    certificate,
    check,
    each_like,
    host_name,
    hosted_zone,
    retention,
    truth,
    whole,
)

_ROUTE_KEY = re.compile(r"(?:ANY|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT) /\S*|\$default")

_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "routeKey": "$context.routeKey",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationError": "$context.integrationErrorMessage",
    "sourceIp": "$context.identity.sourceIp",
    "userAgent": "$context.identity.userAgent",
}
"""One JSON object a request (API Gateway: Customize HTTP API access logs)."""

_METHODS = ["DELETE", "GET", "PATCH", "POST", "PUT"]
_REQUEST_HEADERS = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-api-key",
    "x-request-id",
]
_RESPONSE_HEADERS = [
    "etag",
    "idempotency-replayed",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
]
"""Those that a page may read beside the few that it may always read."""


_RULES: Mapping[str, Rule] = {
    "routes": (lambda value: isinstance(value, Mapping) and len(cast("Any", value)) > 0, "one route or more"),
    "cors_origins": each_like(ORIGIN, "a list of origins such as 'https://app.example.com', with no path and no star"),
    "route_metrics": truth(),
    "log_retention_days": retention(),
}
_THROTTLE_RULES = {"rate": above_zero(), "burst": whole(1)}
_DOMAIN_RULES = {"name": host_name(), "zone_id": hosted_zone(), "certificate_arn": certificate()}


class Throttle(TypedDict):
    """How much traffic is let through, all clients together. Above it a request gets 429."""

    rate: float
    """Requests a second that the bucket refills by. Above 0: the gateway takes 0 to mean that nothing passes."""

    burst: int
    """Requests at once that the bucket holds. At least 1, for the same reason."""


class Domain(TypedDict):
    """A host name of one's own. It needs a zone, or a certificate, or both."""

    name: str
    """The host name, such as `api.example.com`. Caution: with another, the API answers under that one only."""

    zone_id: NotRequired[pulumi.Input[str]]
    """The public Route 53 zone that the name is in: it gets the name's A and AAAA records and, unless there is a
    certificate already, the record that proves to ACM whose name it is. A record that is there before is left alone,
    and the deployment fails. Default none: then point the name at `domain_target` with a CNAME."""

    certificate_arn: NotRequired[pulumi.Input[str]]
    """An issued ACM certificate for the name, in the API's own region. Default: one is made, which ACM renews."""


class HttpApiArgs(ComponentArgs):
    function_name: pulumi.Input[str]
    """The function that answers."""

    alias_name: pulumi.Input[str]
    """The function's alias that takes traffic."""

    invoke_arn: pulumi.Input[str]
    """The alias's invocation ARN."""

    routes: Mapping[str, Throttle]
    """Each route's throttle by its key, such as `GET /v1/items/{item_id}`. What is not here is 404 at the gateway."""

    default_throttle: Throttle
    """The throttle of the stage, for a route that has none of its own."""

    cors_origins: NotRequired[Sequence[str]]
    """Origins, such as `https://app.example.com`, whose pages may call the API. Default none. They cannot use cookies:
    credentials are headers, which a page sends only if it knows them."""

    domain: NotRequired[Domain | None]
    """A host name of one's own for the API, which then answers under that one only. Default none: AWS gives one.
    Caution: that one is shut when the deployment begins, minutes before the new one answers."""

    route_metrics: NotRequired[bool]
    """Whether CloudWatch has metrics of each route beside those of the whole API. Default no: the access log names the
    route of each request, and costs less."""

    log_retention_days: NotRequired[int]
    """Days that the access log is kept; one of the values CloudWatch knows. Default 30."""


class HttpApi(Component):
    """An HTTP API with one function behind all of its routes.

    A web application firewall cannot be attached to an HTTP API. Where one is wanted, put a CloudFront distribution
    with an AWS WAF web ACL in front, with this API's host name as its origin; let it add a header with a secret that
    the function demands, so that nobody goes round it; and let the function tell clients apart by
    `CloudFront-Viewer-Address`, since the address that the gateway sees is then CloudFront's.

    Defaults: the host name that AWS gives it, no cross-origin access, 30 days of access log.
    Cost: 1.00 USD a million requests (us-east-1), and 0.50 USD a GB of access log: at some 500 bytes a request, 0.25
    USD a million. With `route_metrics` a route has six, of 0.30 USD a month each for the hours in which it is asked
    for: 1.80 USD for one that always is. A domain and its certificate cost nothing; its zone, 0.50 USD a month.
    Security: a request reaches the function only by a declared route and within its throttle; the function accepts
    calls from this API alone. The URL is public, and TLS only: 1.2 or newer. With a domain of its own the API no longer
    answers under the name that AWS gave it.
    """

    url: pulumi.Output[str]
    """Where the API answers, with no slash at the end."""

    api_id: pulumi.Output[str]
    """The API."""

    domain_target: pulumi.Output[str] | None
    """What a CNAME of the domain must name; none without a domain."""

    log_group_name: pulumi.Output[str]
    """The access log."""

    def __init__(self, name: str, args: HttpApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        self._inside = pulumi.ResourceOptions(parent=self)
        _check(self._label, args)
        throttles = dict(sorted(args["routes"].items()))
        child_names = _child_names(name, throttles)
        domain = args.get("domain")

        api = aws.apigatewayv2.Api(
            name,
            name=physical_name(name),
            protocol_type="HTTP",
            cors_configuration=_cors(args.get("cors_origins", ())),
            disable_execute_api_endpoint=True if domain else None,
            opts=self._inside,
        )
        integration = aws.apigatewayv2.Integration(
            f"{name}-integration",
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=args["invoke_arn"],
            payload_format_version="2.0",
            opts=self._inside,
        )
        routes = {
            key: aws.apigatewayv2.Route(
                child_names[key],
                api_id=api.id,
                route_key=key,
                target=pulumi.Output.concat("integrations/", integration.id),
                opts=self._inside,
            )
            for key in throttles
        }
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-access-log",
            # Below this prefix AWS keeps the log's delivery rights apart from the account's ten resource policies.
            name=f"/aws/vendedlogs/{physical_name(name)}",
            retention_in_days=args.get("log_retention_days", 30),
            opts=self._inside,
        )
        route_metrics = args.get("route_metrics", False)
        stage = aws.apigatewayv2.Stage(
            f"{name}-stage",
            api_id=api.id,
            name="$default",
            auto_deploy=True,
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                detailed_metrics_enabled=route_metrics,
                throttling_rate_limit=args["default_throttle"]["rate"],
                throttling_burst_limit=args["default_throttle"]["burst"],
            ),
            route_settings=[
                aws.apigatewayv2.StageRouteSettingArgs(
                    # The route's output and not its key: settings for a route that is not there yet are refused.
                    route_key=routes[key].route_key,
                    detailed_metrics_enabled=route_metrics,
                    throttling_rate_limit=throttle["rate"],
                    throttling_burst_limit=throttle["burst"],
                )
                for key, throttle in throttles.items()
            ],
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=log_group.arn, format=json.dumps(_ACCESS_LOG)
            ),
            opts=self._inside,
        )
        aws.lambda_.Permission(
            f"{name}-permission",
            action="lambda:InvokeFunction",
            function=args["function_name"],
            qualifier=args["alias_name"],
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.concat(api.execution_arn, "/*"),
            opts=self._inside,
        )

        self.url, self.domain_target = api.api_endpoint, None
        if domain:
            self.url, self.domain_target = self._answers_under(name, domain, api, stage)
        self.api_id = api.id
        self.log_group_name = log_group.name
        self.register_outputs(
            {
                "url": self.url,
                "api_id": self.api_id,
                "domain_target": self.domain_target,
                "log_group_name": self.log_group_name,
            }
        )

    def _answers_under(
        self, name: str, domain: Domain, api: aws.apigatewayv2.Api, stage: aws.apigatewayv2.Stage
    ) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """Gives the API the domain's name. Its URL, known once it answers there, and what the name stands for."""
        host = aws.apigatewayv2.DomainName(
            f"{name}-domain",
            domain_name=domain["name"],
            domain_name_configuration=aws.apigatewayv2.DomainNameDomainNameConfigurationArgs(
                certificate_arn=self._certificate(name, domain),
                endpoint_type="REGIONAL",
                security_policy="TLS_1_2",
                ip_address_type="dualstack",
            ),
            opts=self._inside,
        )
        mapping = aws.apigatewayv2.ApiMapping(
            f"{name}-mapping", api_id=api.id, domain_name=host.domain_name, stage=stage.id, opts=self._inside
        )
        target = host.domain_name_configuration.target_domain_name.apply(str)
        if "zone_id" in domain:
            for type_ in ("A", "AAAA"):
                aws.route53.Record(
                    f"{name}-{type_.lower()}-record",
                    zone_id=domain["zone_id"],
                    name=host.domain_name,
                    type=type_,
                    aliases=[
                        aws.route53.RecordAliasArgs(
                            name=target,
                            zone_id=host.domain_name_configuration.hosted_zone_id.apply(str),
                            evaluate_target_health=False,
                        )
                    ],
                    opts=self._inside,
                )
        return pulumi.Output.concat("https://", mapping.domain_name), target

    def _certificate(self, name: str, domain: Domain) -> pulumi.Input[str]:
        """The certificate's ARN, known once it is issued."""
        if "certificate_arn" in domain or "zone_id" not in domain:
            return domain.get("certificate_arn", "")
        certificate = aws.acm.Certificate(
            f"{name}-certificate", domain_name=domain["name"], validation_method="DNS", opts=self._inside
        )
        proof = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-certificate-record",
            zone_id=domain["zone_id"],
            name=proof.resource_record_name.apply(str),
            type=proof.resource_record_type.apply(str),
            records=[proof.resource_record_value.apply(str)],
            ttl=300,
            opts=self._inside,
        )
        return aws.acm.CertificateValidation(
            f"{name}-certificate-issued",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=self._inside,
        ).certificate_arn


def _check(label: str, args: HttpApiArgs) -> None:
    """Refuses what would close a route without a word, or stop the deployment half-way through."""
    check(label, args, _RULES)
    for key, throttle in {"default_throttle": args["default_throttle"], **args["routes"]}.items():
        if key != "default_throttle" and not _ROUTE_KEY.fullmatch(key):
            raise ValueError(f"{label}: {key!r} is no route key: give one such as 'GET /v1/items/{{item_id}}'.")
        check_keys(f"{label}, {key}", Throttle, throttle)
        check(f"{label}, {key}", throttle, _THROTTLE_RULES)
    if domain := args.get("domain"):
        check_keys(f"{label}, domain", Domain, domain)
        check(f"{label}, domain", domain, _DOMAIN_RULES)
        if "zone_id" not in domain and "certificate_arn" not in domain:
            raise ValueError(
                f"{label}, domain: give zone_id, the Route 53 zone to prove the name and to enter it in, or "
                "certificate_arn, a certificate for it, and point the name at domain_target yourself."
            )


def _child_names(name: str, routes: Mapping[str, Throttle]) -> dict[str, str]:
    """The routes' logical names by their keys. Two that read the same are an error rather than a number."""
    names: dict[str, str] = {}
    for key in routes:
        child = f"{name}-{route_name(key)}"
        other = next((known for known, taken in names.items() if taken == child), None)
        if other is not None:
            raise ValueError(f"HttpApi {name!r}: the routes {other!r} and {key!r} have the same name: change a path.")
        names[key] = child
    return names


def _cors(origins: Sequence[str]) -> aws.apigatewayv2.ApiCorsConfigurationArgs | None:
    if not origins:
        return None
    return aws.apigatewayv2.ApiCorsConfigurationArgs(
        allow_origins=sorted(origins),
        allow_methods=_METHODS,
        allow_headers=_REQUEST_HEADERS,
        expose_headers=_RESPONSE_HEADERS,
        max_age=600,
    )
