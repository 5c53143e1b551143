"""A program of any size, made of components and plain resources that depend on each other, and the time it takes.

Run in a process of its own: what has been evaluated before makes what comes after faster.
"""

import gc
import json
import sys
import time
from collections.abc import Callable

import pulumi
import pulumi_aws as aws

from workbench.evaluate import evaluate
from workbench.manifest import Manifest
from workbench.placeholders import Placeholders

_GROUP = 10
"""Resources that one turn registers: a component with another in it, their children, and two beside them."""


class _Inner(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("plinth:index:Inner", name, {}, opts)
        inside = pulumi.ResourceOptions(parent=self)
        secret = aws.secretsmanager.Secret(f"{name}-secret", name=name, opts=inside)
        aws.secretsmanager.SecretVersion(
            f"{name}-value", secret_id=secret.id, secret_string=pulumi.Output.secret("hidden"), opts=inside
        )
        self.arn = secret.arn
        self.register_outputs({"arn": self.arn})


class _Outer(pulumi.ComponentResource):
    arn: pulumi.Output[str]

    def __init__(self, name: str, upstream: pulumi.Input[str]) -> None:
        super().__init__("plinth:index:Outer", name, {}, None)
        inside = pulumi.ResourceOptions(parent=self)
        inner = _Inner(f"{name}-inner", inside)
        queue = aws.sqs.Queue(f"{name}-queue", name=name, tags={"upstream": upstream}, opts=inside)
        trusted = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = aws.iam.Role(f"{name}-role", name=name, assume_role_policy=trusted, opts=inside)
        statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": [queue.arn, inner.arn, upstream]}
        policy = pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws.iam.RolePolicy(f"{name}-policy", role=role.name, policy=policy, opts=inside)
        self.arn = queue.arn
        self.register_outputs({"arn": self.arn})


def generated(resources: int) -> Callable[[], None]:
    """A program that registers so many resources, a multiple of ten; each turn depends on the one before."""

    def program() -> None:
        upstream: pulumi.Input[str] = "arn:aws:sqs:eu-central-1:111111111111:first"
        for turn in range(resources // _GROUP):
            outer = _Outer(f"part-{turn}", upstream)
            after = pulumi.ResourceOptions(depends_on=[outer])
            topic = aws.sns.Topic(f"topic-{turn}", name=f"topic-{turn}", opts=after)
            aws.cloudwatch.LogGroup(f"logs-{turn}", name=topic.name.apply(lambda name: f"/plinth/{name}"))
            upstream = outer.arn

    return program


def manifest(resources: int) -> Manifest:
    """What the generated program registers."""
    return evaluate(generated(resources), Placeholders("eu-central-1", "1" * 12))


def main(resources: int) -> None:
    """Print the milliseconds that one resource takes on average, from the program to the manifest as JSON."""
    gc.disable()  # as the command does
    manifest(_GROUP)  # imports what all sizes import alike
    began = time.perf_counter()
    json.dumps(manifest(resources).shown())
    print((time.perf_counter() - began) * 1000 / resources)


if __name__ == "__main__":
    main(int(sys.argv[1]))
