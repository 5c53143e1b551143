"""New code in a layer is a new layer; the function takes it, and its alias moves to the version that makes."""

import pulumi
import pulumi_aws as aws


def _service(digest: str) -> None:
    layer = aws.lambda_.LayerVersion(
        "libraries", layer_name="libraries", code=pulumi.FileArchive(f"libraries-{digest}")
    )
    function = aws.lambda_.Function(
        "worker",
        name="worker",
        role="arn:aws:iam::111111111111:role/worker",
        runtime="python3.13",
        handler="worker.handler",
        code=pulumi.FileArchive("worker-0123456789abcdef"),
        layers=[layer.arn],
        publish=True,
    )
    aws.lambda_.Alias("live", name="live", function_name=function.name, function_version=function.version)


def before() -> None:
    """One set of libraries."""
    _service("aaaaaaaaaaaaaaaa")


def after() -> None:
    """Another one."""
    _service("bbbbbbbbbbbbbbbb")


CHANGES = [
    "replace aws:lambda/layerVersion:LayerVersion libraries: code@",
    "update aws:lambda/alias:Alias live: functionVersion",
    "update aws:lambda/function:Function worker: layers[0]",
]
RISKS: list[str] = []
