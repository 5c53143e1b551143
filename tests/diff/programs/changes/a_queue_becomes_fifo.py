"""What cannot be changed in place replaces the resource, and what holds its id follows."""

import pulumi_aws as aws


def _queue(*, fifo: bool) -> None:
    queue = aws.sqs.Queue("jobs", fifo_queue=fifo)
    aws.sqs.QueuePolicy("jobs", queue_url=queue.url, policy="{}")
    aws.cloudwatch.MetricAlarm(
        "age",
        name="age",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        threshold=60,
        metric_name="ApproximateAgeOfOldestMessage",
        namespace="AWS/SQS",
        dimensions={"QueueName": queue.name},
    )


def before() -> None:
    """A standard queue."""
    _queue(fifo=False)


def after() -> None:
    """A FIFO queue."""
    _queue(fifo=True)


CHANGES = [
    "replace aws:sqs/queue:Queue jobs: fifoQueue!",
    "replace aws:sqs/queuePolicy:QueuePolicy jobs: queueUrl!",
    "update aws:cloudwatch/metricAlarm:MetricAlarm age: dimensions.QueueName",
]
RISKS = ["data-loss replaced jobs"]
