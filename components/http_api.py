"""The HTTP API in front of a function: explicit routes, each with a throttle of its own."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components.naming import physical_name, route_name

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


class Throttle(TypedDict):
    """How much traffic is let through, all clients together. Above it a request gets 429."""

    rate: float
    """Requests a second that the bucket refills by. Above 0: the gateway takes 0 to mean that nothing passes."""

    burst: int
    """Requests at once that the bucket holds. At least 1, for the same reason."""


class HttpApiArgs(TypedDict):
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

    log_retention_days: NotRequired[int]
    """Days that the access log is kept; one of the values CloudWatch knows. Default 30."""


class HttpApi(pulumi.ComponentResource):
    """An HTTP API with one function behind all of its routes.

    Defaults: no cross-origin access, 30 days of access log, metrics per route.
    Cost: 1.00 USD a million requests (us-east-1), and 0.50 USD a GB of access log.
    Security: a request reaches the function only by a declared route and within its throttle; the function accepts
    calls from this API alone. The URL is public, and TLS only.
    """

    url: pulumi.Output[str]
    """Where the API answers, with no slash at the end."""

    api_id: pulumi.Output[str]
    """The API."""

    log_group_name: pulumi.Output[str]
    """The access log."""

    def __init__(self, name: str, args: HttpApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:HttpApi", name, {**args}, opts)
        self._inside = pulumi.ResourceOptions(parent=self)
        throttles = dict(sorted(args["routes"].items()))
        _check(name, {"default_throttle": args["default_throttle"], **throttles})
        child_names = _child_names(name, throttles)

        api = aws.apigatewayv2.Api(
            name,
            name=physical_name(name),
            protocol_type="HTTP",
            cors_configuration=_cors(args.get("cors_origins", ())),
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
        aws.apigatewayv2.Stage(
            f"{name}-stage",
            api_id=api.id,
            name="$default",
            auto_deploy=True,
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                detailed_metrics_enabled=True,
                throttling_rate_limit=args["default_throttle"]["rate"],
                throttling_burst_limit=args["default_throttle"]["burst"],
            ),
            route_settings=[
                aws.apigatewayv2.StageRouteSettingArgs(
                    # The route's output and not its key: settings for a route that is not there yet are refused.
                    route_key=routes[key].route_key,
                    detailed_metrics_enabled=True,
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

        self.url = api.api_endpoint
        self.api_id = api.id
        self.log_group_name = log_group.name
        self.register_outputs({"url": self.url, "api_id": self.api_id, "log_group_name": self.log_group_name})


def _check(name: str, throttles: Mapping[str, Throttle]) -> None:
    for key, throttle in throttles.items():
        if key != "default_throttle" and not _ROUTE_KEY.fullmatch(key):
            raise ValueError(
                f"HttpApi {name!r}: {key!r} is no route key: give one such as 'GET /v1/items/{{item_id}}'."
            )
        if not throttle["rate"] > 0:
            raise ValueError(f"HttpApi {name!r}: {key} has the rate {throttle['rate']}: give a number above 0.")
        if throttle["burst"] < 1:
            raise ValueError(f"HttpApi {name!r}: {key} has the burst {throttle['burst']}: give 1 or more.")


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
