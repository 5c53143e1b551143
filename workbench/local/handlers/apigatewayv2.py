"""API Gateway HTTP APIs. The emulator runs them; their throttles are enforced by `workbench.local.gateway`."""

from collections.abc import Mapping
from typing import Any, cast

from workbench.local.cloud import Cloud
from workbench.local.handlers.base import Api, Call, Handler
from workbench.manifest import Manifest, rewritten


def _route_settings_by_key(inputs: dict[str, Any]) -> dict[str, Any]:
    """The provider takes a list of blocks with their route keys in them, the API a map by route key."""
    settings = cast("list[dict[str, Any]]", inputs.get("routeSettings") or [])
    return {
        **inputs,
        "routeSettings": {
            block["routeKey"]: {name: value for name, value in block.items() if name != "routeKey"}
            for block in settings
        },
    }


_LIMITS = {"throttlingRateLimit": "ThrottlingRateLimit", "throttlingBurstLimit": "ThrottlingBurstLimit"}

_DOMAIN_NAME = "aws:apigatewayv2/domainName:DomainName"


def addressed_here(manifest: Manifest, cloud: Cloud) -> dict[str, Any]:
    """The program's outputs, with the gateway's address in place of each domain name that the program gave its API.

    There is no DNS here that would know the name, and no certificate for it.
    """
    domains = [str(domain.inputs["domainName"]) for domain in manifest.of_type(_DOMAIN_NAME)]

    def here(leaf: Any) -> Any:
        for address in (f"https://{domain}" for domain in domains):
            if isinstance(leaf, str) and (leaf == address or leaf.startswith(f"{address}/")):
                return cloud.gateway_url + leaf.removeprefix(address)
        return leaf

    return rewritten(manifest.shown()["outputs"], here)


RECORDED_ONLY: Mapping[str, str] = {
    _DOMAIN_NAME: "there is no DNS here that would know the name; the API answers at the gateway's address",
    "aws:apigatewayv2/apiMapping:ApiMapping": "the gateway serves the one API of the stack under every name",
}

HANDLERS: Mapping[str, Handler] = {
    "aws:apigatewayv2/api:Api": Api(
        service="apigatewayv2",
        create_call="CreateApi",
        names="name",
        id="out.ApiId",
        outputs={
            "apiEndpoint": "gateway",
            "arn": "join('', ['arn:aws:apigateway:', region, '::/apis/', out.ApiId])",
            "executionArn": "join('', ['arn:aws:execute-api:', region, ':', account, ':', out.ApiId])",
        },
        update_call=Call("UpdateApi", {"ApiId": "id"}),
        delete_call=Call("DeleteApi", {"ApiId": "id"}),
        depends_on=lambda cloud: cloud.gateway_url,
    ),
    "aws:apigatewayv2/integration:Integration": Api(
        service="apigatewayv2",
        create_call="CreateIntegration",
        rename={"timeoutMilliseconds": "TimeoutInMillis"},
        id="out.IntegrationId",
        fixed=("apiId",),
        update_call=Call("UpdateIntegration", {"IntegrationId": "id"}),
        delete_call=Call("DeleteIntegration", {"ApiId": "in.apiId", "IntegrationId": "id"}),
    ),
    "aws:apigatewayv2/route:Route": Api(
        service="apigatewayv2",
        create_call="CreateRoute",
        id="out.RouteId",
        fixed=("apiId",),
        update_call=Call("UpdateRoute", {"RouteId": "id"}),
        delete_call=Call("DeleteRoute", {"ApiId": "in.apiId", "RouteId": "id"}),
    ),
    "aws:apigatewayv2/stage:Stage": Api(
        service="apigatewayv2",
        create_call="CreateStage",
        names="name",
        rename={"name": "StageName", **_LIMITS},
        prepare=_route_settings_by_key,
        id="in.name",
        outputs={
            "invokeUrl": "join('', [gateway, '/'])",
            "executionArn": "join('', ['arn:aws:execute-api:', region, ':', account, ':', in.apiId, '/', in.name])",
            "arn": "join('', ['arn:aws:apigateway:', region, '::/apis/', in.apiId, '/stages/', in.name])",
        },
        fixed=("apiId", "name"),
        update_call=Call("UpdateStage"),
        delete_call=Call("DeleteStage", {"ApiId": "in.apiId", "StageName": "id"}),
        depends_on=lambda cloud: cloud.gateway_url,
    ),
}
