"""SNS. The emulator sends no e-mail: a subscription of an address waits for ever to be confirmed."""

from collections.abc import Mapping
from typing import Any

from workbench.local.cloud import Cloud
from workbench.local.handlers.base import Api, Call, Custom, Handler, Made, auto_name
from workbench.local.shapes import UnplacedError
from workbench.local.state import Applied

_ATTRIBUTES = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId", "signatureVersion": "SignatureVersion"}


class Topic(Custom):
    """A topic. The API takes its settings as a map of strings, not as members."""

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """Makes it with its attributes."""
        physical = inputs.get("name") or auto_name(name)
        arn = cloud.client("sns").create_topic(Name=physical, Attributes=_attributes(inputs))["TopicArn"]
        return arn, {"arn": arn, "name": physical, "owner": cloud.account}

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Sets the attributes; another name, or an attribute less, is another topic."""
        attributes, was = _attributes(inputs), _attributes(before.inputs)
        if inputs.get("name") != before.inputs.get("name") or was.keys() - attributes.keys():
            return None
        for attribute, value in attributes.items():
            cloud.client("sns").set_topic_attributes(TopicArn=before.id, AttributeName=attribute, AttributeValue=value)
        return before.id, before.outputs

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Deletes the topic and its subscriptions."""
        cloud.client("sns").delete_topic(TopicArn=applied.id)


class TopicPolicy(Custom):
    """A topic's policy, which the provider models as a resource of its own."""

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:  # noqa: ARG002
        """Sets it."""
        cloud.client("sns").set_topic_attributes(
            TopicArn=inputs["arn"], AttributeName="Policy", AttributeValue=inputs["policy"]
        )
        return str(inputs["arn"]), {"owner": cloud.account}

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Sets it anew."""
        return self.create(cloud, before.name, inputs)


def _attributes(inputs: Mapping[str, Any]) -> dict[str, str]:
    placed: dict[str, str] = {}
    for name, value in inputs.items():
        if name in ("name", "tags") or value is None:
            continue
        if name not in _ATTRIBUTES:
            raise UnplacedError(name)
        placed[_ATTRIBUTES[name]] = str(value)
    return placed


HANDLERS: Mapping[str, Handler] = {
    "aws:sns/topic:Topic": Topic(),
    "aws:sns/topicPolicy:TopicPolicy": TopicPolicy(),
    "aws:sns/topicSubscription:TopicSubscription": Api(
        service="sns",
        create_call="Subscribe",
        rename={"topic": "TopicArn"},
        prepare=lambda inputs: {**inputs, "returnSubscriptionArn": True},
        id="out.SubscriptionArn",
        outputs={"arn": "out.SubscriptionArn"},
        delete_call=Call("Unsubscribe", {"SubscriptionArn": "id"}),
    ),
}
