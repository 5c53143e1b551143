"""Programs that hold secrets in every place where one can be, by words that must not be seen anywhere."""

import json

import pulumi
import pulumi_aws as aws

from tests.support.diffs import Program, snapshot
from workbench.diff.compare import compared
from workbench.diff.model import Diff, Revision
from workbench.diff.snapshot import Snapshot

MARKER = "planted-and-not-to-be-seen"
"""What every secret holds."""

CHANGED = "a plain value that changes with them"


def planted() -> Diff:
    """All of it changes, some is created and some deleted."""
    sides = (_snapshot("before"), _snapshot("after"))
    return Diff(Revision("origin/main", None), Revision("the working tree", None), [compared("test", *sides)])


def _snapshot(side: str) -> Snapshot:
    return snapshot(_program(side), config={"plinth:token": f"{MARKER}-config-{side}"}, secret_keys=["plinth:token"])


def _program(side: str) -> Program:
    def secret(place: str) -> pulumi.Output[str]:
        return pulumi.Output.secret(f"{MARKER}-{place}-{side}")

    def run() -> None:
        whole = secret("input")
        aws.sns.Topic("whole", display_name=whole)
        aws.sns.Topic("replaced", name=secret("name"))
        aws.sns.Topic("concatenated", display_name=pulumi.Output.concat("the token is ", secret("part")))
        aws.sns.Topic(
            "copied", display_name=f"the token is {MARKER}-input-{side}", tags={"changes": f"{CHANGED}, {side}"}
        )
        aws.sqs.Queue(f"named-{MARKER}-input-{side}")
        aws.sqs.Queue("map", tags={"token": secret("map"), "side": side, f"{MARKER}-input-{side}": "a key"})
        aws.sqs.Queue("json", policy=secret("json").apply(lambda text: json.dumps(_policy(text))))
        aws.sqs.Queue("plain-json", policy=json.dumps(_policy(f"{MARKER}-json-{side}")))
        aws.sqs.Queue(f"only-{side}", name=secret("created"), tags={"token": secret("created-tag")})
        aws.iam.Role(
            "role",
            assume_role_policy=json.dumps({"Statement": []}),
            inline_policies=[
                {"name": "inline", "policy": secret("list").apply(lambda text: json.dumps(_policy(text)))}
            ],
        )
        aws.ssm.Parameter("config", type="SecureString", value=pulumi.Config("plinth").require_secret("token"))
        pulumi.export("output", secret("output"))
        pulumi.export("nested", {"list": [secret("nested-output")]})
        pulumi.export("copied", f"{MARKER}-input-{side}")

    return run


def _policy(text: str) -> dict[str, object]:
    return {"Statement": [{"Sid": text, "Effect": "Allow", "Action": "sqs:*", "Resource": text, "Principal": "*"}]}
