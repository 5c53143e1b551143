"""An ARN made of a given name stays: its users do not change, except those that go with what the name is taken from."""

import pulumi_aws as aws


def _topic(*, fifo: bool) -> None:
    topic = aws.sns.Topic("alarms", name="alarms.fifo", fifo_topic=fifo)
    aws.sns.TopicSubscription("mail", topic=topic.arn, protocol="email", endpoint="ops@example.com")
    _alarm("known", topic)
    random = aws.sns.Topic("events", fifo_topic=fifo)
    aws.sns.TopicSubscription("events-mail", topic=random.arn, protocol="email", endpoint="ops@example.com")
    _alarm("random", random)


def _alarm(name: str, topic: aws.sns.Topic) -> None:
    aws.cloudwatch.MetricAlarm(
        name, comparison_operator="GreaterThanThreshold", evaluation_periods=1, alarm_actions=[topic.arn]
    )


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
    "replace aws:sns/topicSubscription:TopicSubscription mail: topic!",
    "update aws:cloudwatch/metricAlarm:MetricAlarm random: alarmActions",
]
RISKS: list[str] = []
