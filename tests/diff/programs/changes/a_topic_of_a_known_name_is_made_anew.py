"""An ARN that is made of a given name stays what it is, so that its users do not change."""

import pulumi_aws as aws


def _topic(*, fifo: bool) -> None:
    topic = aws.sns.Topic("alarms", name="alarms.fifo", fifo_topic=fifo)
    aws.sns.TopicSubscription("mail", topic=topic.arn, protocol="email", endpoint="ops@example.com")
    random = aws.sns.Topic("events", fifo_topic=fifo)
    aws.sns.TopicSubscription("events-mail", topic=random.arn, protocol="email", endpoint="ops@example.com")


def before() -> None:
    """Two topics; the name of one is given, the other one's is Pulumi's to choose."""
    _topic(fifo=False)


def after() -> None:
    """Both are made anew."""
    _topic(fifo=True)


CHANGES = [
    "replace aws:sns/topic:Topic alarms: fifoTopic!",
    "replace aws:sns/topic:Topic events: fifoTopic!",
    "replace aws:sns/topicSubscription:TopicSubscription events-mail: topic!",
]
RISKS: list[str] = []
