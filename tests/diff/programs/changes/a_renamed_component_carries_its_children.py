"""An alias on a component is enough: children whose names begin with its are found under the old one.

The URN of a child whose name does not has never had the component's name in it.
"""

import pulumi
import pulumi_aws as aws


class _Jobs(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Jobs", name, {}, opts)
        inside = pulumi.ResourceOptions(parent=self)
        queue = aws.sqs.Queue(f"{name}-queue", opts=inside)
        aws.sqs.QueuePolicy(f"{name}-policy", queue_url=queue.url, policy="{}", opts=inside)
        aws.sns.Topic("alarms", opts=inside)
        self.register_outputs({})


def before() -> None:
    """The component is called jobs."""
    _Jobs("jobs")


def after() -> None:
    """It is called work; nothing in it says anything."""
    _Jobs("work", pulumi.ResourceOptions(aliases=[pulumi.Alias(name="jobs")]))


CHANGES = [
    "rename aws:sqs/queue:Queue work-queue",
    "rename aws:sqs/queuePolicy:QueuePolicy work-policy",
]
RISKS: list[str] = []
