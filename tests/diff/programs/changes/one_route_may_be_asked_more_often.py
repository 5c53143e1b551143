"""Of a list of things with route keys, the one that changes is named by its key."""

import pulumi_aws as aws


def _stage(burst: int) -> None:
    settings = [
        aws.apigatewayv2.StageRouteSettingArgs(route_key=key, throttling_burst_limit=limit, throttling_rate_limit=20)
        for key, limit in (("GET /items", 40), ("POST /items", burst))
    ]
    aws.apigatewayv2.Stage("live", api_id="abc123", route_settings=settings)


def before() -> None:
    """Items may be made 40 at once."""
    _stage(40)


def after() -> None:
    """Items may be made 60 at once."""
    _stage(60)


CHANGES = ["update aws:apigatewayv2/stage:Stage live: routeSettings[POST /items].throttlingBurstLimit"]
RISKS: list[str] = []
