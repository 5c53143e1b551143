"""Brings the database to the revision that the code expects, before that code takes traffic."""

import json
from collections.abc import Mapping
from typing import NotRequired

import pulumi
import pulumi_aws as aws

from components.component import Component, ComponentArgs
from components.rules import check, like

_RULES = {"revision": like(r"\w+", "the newest revision in the code, such as '0007'")}


class MigrationArgs(ComponentArgs):
    function_name: pulumi.Input[str]
    """The function that migrates. It takes `{"revision": "head"}` and fails when it cannot get there."""

    alias_name: pulumi.Input[str]
    """The function's alias, so that the code invoked is the one just deployed."""

    revision: str
    """The newest revision in the code. A new one runs the migration again; the same one does not."""

    stores: NotRequired[Mapping[str, pulumi.Input[str]]]
    """What else the function fills, by a name of its own: a new secret, say, runs the migration again. Default none.
    `revision` is taken."""


class Migration(Component):
    """One invocation of the migrating function per revision, and per set of stores that it fills.

    Whatever must come after it depends on it: code that expects the revision takes traffic only then. Where the
    function fails, the deployment stops here with `Lambda function (...) returned error:` and the function's own
    message. What took traffic before goes on doing so, and the next deployment tries again. So a migration must leave
    a schema that the code before it can live with, and one that fails must leave the schema as it was.

    Defaults: none.
    Cost: one invocation of a function.
    Security: invoked with the rights of whoever deploys; nothing else may invoke the function.
    """

    revision: pulumi.Output[str]
    """The revision that the database is at, known once it is."""

    def __init__(self, name: str, args: MigrationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        check(self._label, args, _RULES)
        revision, stores = args["revision"], args.get("stores", {})
        if "revision" in stores:
            raise ValueError(f"{self._label}: stores has one named 'revision': give it another name.")

        invocation = aws.lambda_.Invocation(
            name,
            function_name=args["function_name"],
            qualifier=args["alias_name"],
            input=json.dumps({"revision": "head"}),
            triggers={"revision": revision, **stores},
            lifecycle_scope="CREATE_ONLY",
            # What the caller waits for is recorded here too: a component's own options reach no child.
            opts=pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None),
        )

        self.revision = invocation.result.apply(lambda _: revision)
        self.register_outputs({"revision": self.revision})
