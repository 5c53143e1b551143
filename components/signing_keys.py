"""The secret keys of one environment: what its access tokens are signed with and its API keys are hashed with."""

from collections.abc import Mapping
from typing import NotRequired

import pulumi

from components.component import Component, ComponentArgs, handed_out
from components.grants import Grant
from components.rules import check, truth
from components.stored_secret import reads, stored_secret, writes

_RULES = {"deletion_protection": truth()}


class SigningKeysArgs(ComponentArgs):
    deletion_protection: NotRequired[bool]
    """Whether Pulumi refuses to delete the secret, and AWS can bring it back for 30 days. Default true. Caution: with
    the keys go all sessions and all API keys."""


class SigningKeys(Component):
    """A secret that the migrating function fills: it makes the first keys, and new ones on request.

    Defaults: protected from deletion; encrypted with the account's own key for Secrets Manager.
    Cost: 0.40 USD a month, and 0.05 USD for 10,000 reads.
    Security: no key passes through the program, so none is in a state file. Whoever signs or checks may only read;
    only the holder of `writes()` stores new ones.
    """

    secret_arn: pulumi.Output[str]
    """The secret, for whoever looks after it."""

    grants: pulumi.Output[Mapping[str, Grant]]
    """What users of it need, by use: the same as the methods return, for programs that have no methods."""

    def __init__(self, name: str, args: SigningKeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        check(self._label, args, _RULES)
        protected = args.get("deletion_protection", True)

        secret = stored_secret(
            name,
            "Keys that sign access tokens, and the pepper of API keys",
            protected=protected,
            opts=pulumi.ResourceOptions(parent=self, protect=protected),
        )

        self.secret_arn = secret.arn
        self._environment = {"SIGNING_KEYS_SECRET_ARN": secret.arn}
        self.grants = handed_out(reads=self.reads(), writes=self.writes())
        self.register_outputs({"secret_arn": self.secret_arn, "grants": self.grants})

    def reads(self) -> Grant:
        """What a function that signs or checks needs: which secret it is, and the right to read it."""
        return Grant(environment=self._environment, statements=[reads(self.secret_arn)])

    def writes(self) -> Grant:
        """What the function that makes the keys needs: to read the present ones and store the next."""
        return Grant(environment=self._environment, statements=[writes(self.secret_arn)])
