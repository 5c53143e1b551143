"""An API lets through declared routes, each within its throttle, and nothing else."""

import json
from typing import Any

import pytest

from components.http_api import HttpApi
from tests.support.evaluation import deploy, inputs, names_of, registered, resource
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

API, ROUTE, STAGE = "aws:apigatewayv2/api:Api", "aws:apigatewayv2/route:Route", "aws:apigatewayv2/stage:Stage"
API_ID = "${aws:apigatewayv2/api:Api::edge.id}"
ROUTES = {"POST /v1/items": {"rate": 20, "burst": 40}, "GET /v1/items/{item_id}": {"rate": 0.5, "burst": 1}}


def deployed(**more: Any) -> Manifest:
    merged: Any = {
        "function_name": "plinth-test-api",
        "alias_name": "live",
        "invoke_arn": "arn:invoke",
        "routes": ROUTES,
        "default_throttle": {"rate": 50, "burst": 100},
        **more,
    }
    return deploy(lambda: HttpApi("edge", merged))


def test_it_is_one_integration_with_a_route_for_every_key() -> None:
    manifest = deployed()
    assert registered(manifest) == [
        "plinth:index:HttpApi$aws:apigatewayv2/api:Api::edge",
        "plinth:index:HttpApi$aws:apigatewayv2/integration:Integration::edge-integration",
        "plinth:index:HttpApi$aws:apigatewayv2/route:Route::edge-get-v1-items-item_id",
        "plinth:index:HttpApi$aws:apigatewayv2/route:Route::edge-post-v1-items",
        "plinth:index:HttpApi$aws:apigatewayv2/stage:Stage::edge-stage",
        "plinth:index:HttpApi$aws:cloudwatch/logGroup:LogGroup::edge-access-log",
        "plinth:index:HttpApi$aws:lambda/permission:Permission::edge-permission",
        "plinth:index:HttpApi::edge",
    ]
    assert inputs(manifest, API, "edge") == {"name": "plinth-test-edge", "protocolType": "HTTP"}
    assert inputs(manifest, "aws:apigatewayv2/integration:Integration", "edge-integration") == {
        "apiId": API_ID,
        "integrationType": "AWS_PROXY",
        "integrationMethod": "POST",
        "integrationUri": "arn:invoke",
        "payloadFormatVersion": "2.0",
    }
    assert inputs(manifest, ROUTE, "edge-get-v1-items-item_id") == {
        "apiId": API_ID,
        "routeKey": "GET /v1/items/{item_id}",
        "target": "integrations/${aws:apigatewayv2/integration:Integration::edge-integration.id}",
    }


def test_every_route_and_the_default_have_both_limits() -> None:
    stage = inputs(deployed(), STAGE, "edge-stage")
    stage.pop("accessLogSettings")
    assert stage == {
        "apiId": API_ID,
        "name": "$default",
        "autoDeploy": True,
        "defaultRouteSettings": {
            "detailedMetricsEnabled": True,
            "throttlingRateLimit": 50,
            "throttlingBurstLimit": 100,
        },
        "routeSettings": [
            {
                "routeKey": "GET /v1/items/{item_id}",
                "detailedMetricsEnabled": True,
                "throttlingRateLimit": 0.5,
                "throttlingBurstLimit": 1,
            },
            {
                "routeKey": "POST /v1/items",
                "detailedMetricsEnabled": True,
                "throttlingRateLimit": 20,
                "throttlingBurstLimit": 40,
            },
        ],
    }


def test_the_stage_waits_for_the_routes_it_throttles() -> None:
    assert names_of(resource(deployed(), STAGE, "edge-stage")) == {
        "edge",
        "edge-access-log",
        "edge-get-v1-items-item_id",
        "edge-post-v1-items",
    }


def test_each_request_is_one_line_of_json_in_its_own_log() -> None:
    manifest = deployed(log_retention_days=7)
    assert inputs(manifest, "aws:cloudwatch/logGroup:LogGroup", "edge-access-log") == {
        "name": "/aws/vendedlogs/plinth-test-edge",
        "retentionInDays": 7,
    }
    settings = inputs(manifest, STAGE, "edge-stage")["accessLogSettings"]
    assert settings["destinationArn"] == (
        "arn:aws:logs:eu-central-1:111111111111:log-group:/aws/vendedlogs/plinth-test-edge"
    )
    assert "\n" not in settings["format"]
    assert json.loads(settings["format"]) == {
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


def test_only_this_api_may_invoke_the_alias() -> None:
    assert inputs(deployed(), "aws:lambda/permission:Permission", "edge-permission") == {
        "action": "lambda:InvokeFunction",
        "function": "plinth-test-api",
        "qualifier": "live",
        "principal": "apigateway.amazonaws.com",
        "sourceArn": "${aws:apigatewayv2/api:Api::edge.executionArn}/*",
    }


def test_other_origins_are_let_in_by_name() -> None:
    api = inputs(deployed(cors_origins=["https://b.example.com", "https://a.example.com"]), API, "edge")
    assert api["corsConfiguration"] == {
        "allowOrigins": ["https://a.example.com", "https://b.example.com"],
        "allowMethods": ["DELETE", "GET", "PATCH", "POST", "PUT"],
        "allowHeaders": [
            "authorization",
            "content-type",
            "idempotency-key",
            "if-match",
            "if-none-match",
            "x-api-key",
            "x-request-id",
        ],
        "exposeHeaders": [
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
        ],
        "maxAge": 600,
    }


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"default_throttle": {"rate": 0, "burst": 1}}, "default_throttle has the rate 0: give a number above 0"),
        ({"default_throttle": {"rate": 1, "burst": 0}}, "default_throttle has the burst 0: give 1 or more"),
        ({"routes": {"GET /a": {"rate": -1, "burst": 1}}}, "GET /a has the rate -1: give a number above 0"),
        ({"routes": {"GET /a": {"rate": 1, "burst": 0}}}, "GET /a has the burst 0: give 1 or more"),
        (
            {"routes": {"/a": {"rate": 1, "burst": 1}}},
            "'/a' is no route key: give one such as 'GET /v1/",
        ),
        ({"routes": {"get /a": {"rate": 1, "burst": 1}}}, "'get /a' is no route key"),
        (
            {"routes": {"GET /a-b": {"rate": 1, "burst": 1}, "GET /a/b": {"rate": 1, "burst": 1}}},
            "the routes 'GET /a-b' and 'GET /a/b' have the same name: change a path",
        ),
    ],
)
def test_what_would_close_or_confuse_a_route_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError) as refused:
        deployed(**more)
    assert f"HttpApi 'edge': {message}" in str(refused.value)
