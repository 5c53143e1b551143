"""An API lets through declared routes, each within its throttle, and nothing else."""

import json
import math
from typing import Any

import pulumi
import pytest

from components.http_api import HttpApi
from tests.support.evaluation import deploy, inputs, names_of, registered, resource
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

API, ROUTE, STAGE = "aws:apigatewayv2/api:Api", "aws:apigatewayv2/route:Route", "aws:apigatewayv2/stage:Stage"
API_ID = "${aws:apigatewayv2/api:Api::edge.id}"
ZONE = "Z0123456789ABCDEFGHIJ"
CERTIFICATE = "arn:aws:acm:eu-central-1:111111111111:certificate/12345678"
DOMAIN, MAPPING = "aws:apigatewayv2/domainName:DomainName", "aws:apigatewayv2/apiMapping:ApiMapping"
RECORD = "aws:route53/record:Record"
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
            "detailedMetricsEnabled": False,
            "throttlingRateLimit": 50,
            "throttlingBurstLimit": 100,
        },
        "routeSettings": [
            {
                "routeKey": "GET /v1/items/{item_id}",
                "detailedMetricsEnabled": False,
                "throttlingRateLimit": 0.5,
                "throttlingBurstLimit": 1,
            },
            {
                "routeKey": "POST /v1/items",
                "detailedMetricsEnabled": False,
                "throttlingRateLimit": 20,
                "throttlingBurstLimit": 40,
            },
        ],
    }


def test_each_route_is_measured_where_somebody_wants_that() -> None:
    stage = inputs(deployed(route_metrics=True), STAGE, "edge-stage")
    measured = [stage["defaultRouteSettings"], *stage["routeSettings"]]
    assert [each["detailedMetricsEnabled"] for each in measured] == [True, True, True]


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


def of_the_domain(manifest: Manifest) -> list[str]:
    """What a domain adds to the API."""
    plain = registered(deployed())
    added = [name for name in registered(manifest) if name not in plain]
    assert len(added) == len(manifest.resources) - len(plain)
    return added


def test_a_domain_in_a_zone_gets_its_certificate_and_its_records() -> None:
    manifest = deployed(domain={"name": "api.example.com", "zone_id": ZONE})
    assert of_the_domain(manifest) == [
        "plinth:index:HttpApi$aws:acm/certificate:Certificate::edge-certificate",
        "plinth:index:HttpApi$aws:acm/certificateValidation:CertificateValidation::edge-certificate-issued",
        f"plinth:index:HttpApi${MAPPING}::edge-mapping",
        f"plinth:index:HttpApi${DOMAIN}::edge-domain",
        f"plinth:index:HttpApi${RECORD}::edge-a-record",
        f"plinth:index:HttpApi${RECORD}::edge-aaaa-record",
        f"plinth:index:HttpApi${RECORD}::edge-certificate-record",
    ]
    made = "arn:aws:acm:eu-central-1:111111111111:certificate/edge-certificate"
    assert inputs(manifest, "aws:acm/certificate:Certificate", "edge-certificate") == {
        "domainName": "api.example.com",
        "validationMethod": "DNS",
    }
    proof = "${aws:acm/certificate:Certificate::edge-certificate.domainValidationOptions[0].resourceRecord"
    assert inputs(manifest, RECORD, "edge-certificate-record") == {
        "zoneId": ZONE,
        "name": f"{proof}Name}}",
        "type": f"{proof}Type}}",
        "records": [f"{proof}Value}}"],
        "ttl": 300,
    }
    assert inputs(manifest, "aws:acm/certificateValidation:CertificateValidation", "edge-certificate-issued") == {
        "certificateArn": made,
        "validationRecordFqdns": [f"${{{RECORD}::edge-certificate-record.fqdn}}"],
    }
    assert inputs(manifest, DOMAIN, "edge-domain") == {
        "domainName": "api.example.com",
        "domainNameConfiguration": {
            "certificateArn": made,
            "endpointType": "REGIONAL",
            "ipAddressType": "dualstack",
            "securityPolicy": "TLS_1_2",
        },
    }
    configuration = f"${{{DOMAIN}::edge-domain.domainNameConfiguration"
    for type_ in ("A", "AAAA"):
        assert inputs(manifest, RECORD, f"edge-{type_.lower()}-record") == {
            "zoneId": ZONE,
            "name": "api.example.com",
            "type": type_,
            "aliases": [
                {
                    "name": f"{configuration}.targetDomainName}}",
                    "zoneId": f"{configuration}.hostedZoneId}}",
                    "evaluateTargetHealth": False,
                }
            ],
        }


def test_a_domain_is_made_only_once_its_certificate_is_issued() -> None:
    manifest = deployed(domain={"name": "api.example.com", "zone_id": ZONE})
    assert names_of(resource(manifest, DOMAIN, "edge-domain")) == {"edge-certificate-issued"}


def test_a_certificate_that_is_there_is_used_and_nothing_is_entered_in_a_zone_that_is_not_named() -> None:
    manifest = deployed(domain={"name": "api.example.com", "certificate_arn": CERTIFICATE})
    assert of_the_domain(manifest) == [
        f"plinth:index:HttpApi${MAPPING}::edge-mapping",
        f"plinth:index:HttpApi${DOMAIN}::edge-domain",
    ]
    domain = inputs(manifest, DOMAIN, "edge-domain")
    assert domain["domainNameConfiguration"]["certificateArn"] == CERTIFICATE


def test_a_certificate_that_is_there_needs_no_proof_in_the_zone() -> None:
    manifest = deployed(domain={"name": "api.example.com", "certificate_arn": CERTIFICATE, "zone_id": ZONE})
    assert of_the_domain(manifest) == [
        f"plinth:index:HttpApi${MAPPING}::edge-mapping",
        f"plinth:index:HttpApi${DOMAIN}::edge-domain",
        f"plinth:index:HttpApi${RECORD}::edge-a-record",
        f"plinth:index:HttpApi${RECORD}::edge-aaaa-record",
    ]


def test_with_a_domain_the_api_answers_under_that_name_only() -> None:
    def program() -> None:
        args: Any = {
            "function_name": "plinth-test-api",
            "alias_name": "live",
            "invoke_arn": "arn:invoke",
            "routes": ROUTES,
            "default_throttle": {"rate": 50, "burst": 100},
        }
        with_domain: Any = {**args, "domain": {"name": "api.example.com", "certificate_arn": CERTIFICATE}}
        named = HttpApi("edge", with_domain)
        pulumi.export("named", [named.url, named.domain_target])
        plain = HttpApi("plain", args)
        pulumi.export("plain", [plain.url, plain.domain_target])

    manifest = deploy(program)
    assert inputs(manifest, API, "edge") == {
        "name": "plinth-test-edge",
        "protocolType": "HTTP",
        "disableExecuteApiEndpoint": True,
    }
    assert inputs(manifest, MAPPING, "edge-mapping") == {
        "apiId": API_ID,
        "domainName": "api.example.com",
        "stage": "${aws:apigatewayv2/stage:Stage::edge-stage.id}",
    }
    assert manifest.outputs == {
        "named": [
            "https://api.example.com",
            f"${{{DOMAIN}::edge-domain.domainNameConfiguration.targetDomainName}}",
        ],
        "plain": ["${aws:apigatewayv2/api:Api::plain.apiEndpoint}", None],
    }


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"default_throttle": {"rate": 0, "burst": 1}}, ", default_throttle: rate is 0: give a finite number above 0."),
        (
            {"default_throttle": {"rate": 1, "burst": 0}},
            ", default_throttle: burst is 0: give a whole number, 1 or more",
        ),
        ({"routes": {"GET /a": {"rate": -1, "burst": 1}}}, ", GET /a: rate is -1: give a finite number above 0."),
        (
            {"routes": {"GET /a": {"rate": math.nan, "burst": 1}}},
            ", GET /a: rate is nan: give a finite number above 0.",
        ),
        (
            {"routes": {"GET /a": {"rate": math.inf, "burst": 1}}},
            ", GET /a: rate is inf: give a finite number above 0.",
        ),
        ({"routes": {"GET /a": {"rate": True, "burst": 1}}}, ", GET /a: rate is True: give a finite number above 0."),
        ({"routes": {"GET /a": {"rate": 1, "burst": 0}}}, ", GET /a: burst is 0: give a whole number, 1 or more."),
        ({"routes": {"GET /a": {"rate": 1, "burst": 1.5}}}, ", GET /a: burst is 1.5: give a whole number, 1 or more."),
        (
            {"routes": {"GET /a": {"rate": 1, "burst": True}}},
            ", GET /a: burst is True: give a whole number, 1 or more.",
        ),
        ({"routes": {"GET /a": {"rate": 1}}}, ", GET /a: give it burst."),
        ({"routes": {}}, ": routes is {}: give one route or more."),
        ({"cors_origins": ["*"]}, ": cors_origins is ['*']: give a list of origins such as 'https://app.example.com'"),
        ({"cors_origins": "https://a"}, ": cors_origins is 'https://a': give a list of origins such as"),
        ({"log_retention_days": 0}, ": log_retention_days is 0: give one of 1, 3, 5, 7, 14, 30"),
        (
            {"domain": {"name": "api.example.com"}},
            (
                ", domain: give zone_id, the Route 53 zone to prove the name and to enter it in, or certificate_arn, a "
                "certificate for it, and point the name at domain_target yourself."
            ),
        ),
        (
            {"domain": {"name": "https://api.example.com", "zone_id": ZONE}},
            ", domain: name is 'https://api.example.com': give a host name in lower case such as 'api.example.com'.",
        ),
        ({"domain": {"name": "*.example.com", "zone_id": ZONE}}, ", domain: name is '*.example.com': give a host name"),
        (
            {"domain": {"name": "api.example.com", "zone_id": "example.com"}},
            ", domain: zone_id is 'example.com': give the id of a public Route 53 zone, such as",
        ),
        (
            {"domain": {"name": "api.example.com", "certificate_arn": "arn:iam"}},
            ", domain: certificate_arn is 'arn:iam': give the ARN of an ACM certificate.",
        ),
        (
            {"domain": {"name": "api.example.com", "zone": ZONE}},
            ", domain has no argument 'zone': did you mean 'zone_id'",
        ),
        (
            {"routes": {"/a": {"rate": 1, "burst": 1}}},
            ": '/a' is no route key: give one such as 'GET /v1/",
        ),
        ({"routes": {"get /a": {"rate": 1, "burst": 1}}}, ": 'get /a' is no route key"),
        (
            {"routes": {"GET /a-b": {"rate": 1, "burst": 1}, "GET /a/b": {"rate": 1, "burst": 1}}},
            ": the routes 'GET /a-b' and 'GET /a/b' have the same name: change a path",
        ),
    ],
)
def test_what_would_close_or_confuse_a_route_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError) as refused:
        deployed(**more)
    assert f"HttpApi 'edge'{message}" in str(refused.value)
