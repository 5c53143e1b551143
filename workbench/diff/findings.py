"""The rules by which something opens access, the most dangerous first, and what one of them found."""

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.diff.holders import Holder

PUBLIC_PRINCIPAL = "public-principal"
OPEN_TO_THE_INTERNET = "open-to-the-internet"
PUBLIC_ENTRANCE = "public-entrance"
ANY_RESOURCE = "iam-any-resource"
IAM_WIDENED = "iam-widened"
NETWORK_WIDENED = "network-widened"
CANNOT_BE_JUDGED = "cannot-be-judged"

REMEDIES: Mapping[str, str] = {
    PUBLIC_PRINCIPAL: "Name the principals, or add a condition such as aws:SourceAccount or aws:PrincipalOrgID.",
    OPEN_TO_THE_INTERNET: "Give the ranges or the security groups that need to come in.",
    PUBLIC_ENTRANCE: "Keep it private, or say in the pull request why everybody may reach it.",
    ANY_RESOURCE: "Name the resources; where AWS knows none for an action, add a condition such as "
    "aws:RequestedRegion.",
    IAM_WIDENED: "Give only the actions and resources that the code uses.",
    NETWORK_WIDENED: "Open only the ports that are used, and only to those that use them.",
    CANNOT_BE_JUDGED: "Take the secret out of the policy, or read the policy where it is written.",
}
"""What to do about each rule if what it found is not wanted, in the order in which people see them."""


@dataclass(frozen=True)
class Finding:
    """Something that opens access."""

    rule: str
    about: Holder
    """The resource to look at."""
    message: str
