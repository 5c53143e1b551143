"""Brings the database to the revision that the code expects, before that code takes traffic."""

import json
from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws


class MigrationArgs(TypedDict):
    function_name: pulumi.Input[str]
    """The function that migrates. It takes `{"revision": "head"}` and fails when it cannot get there."""

    alias_name: pulumi.Input[str]
    """The function's alias, so that the code invoked is the one just deployed."""

    revision: str
    """The newest revision in the code. A new one runs the migration again; the same one does not."""

    stores: NotRequired[Mapping[str, pulumi.Input[str]]]
    """What else the function fills, by a name of its own: a new secret, say, runs the migration again. Default none."""


class Migration(pulumi.ComponentResource):
    """One invocation of the migrating function per revision, and per set of stores that it fills.

    Whatever must come after it depends on it.

    Defaults: none.
    Cost: one invocation of a function.
    Security: invoked with the rights of whoever deploys; nothing else may invoke the function.
    """

    revision: pulumi.Output[str]
    """The revision that the database is at, known once it is."""

    def __init__(self, name: str, args: MigrationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:Migration", name, {**args}, opts)
        revision = args["revision"]

        invocation = aws.lambda_.Invocation(
            name,
            function_name=args["function_name"],
            qualifier=args["alias_name"],
            input=json.dumps({"revision": "head"}),
            triggers={"revision": revision, **args.get("stores", {})},
            lifecycle_scope="CREATE_ONLY",
            # What the caller waits for is recorded here too: a component's own options reach no child.
            opts=pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None),
        )

        self.revision = invocation.result.apply(lambda _: revision)
        self.register_outputs({"revision": self.revision})
