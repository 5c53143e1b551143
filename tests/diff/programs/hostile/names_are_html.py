"""Names that would be elements of a page, or close those of ours."""

import pulumi_aws as aws

_SCRIPT = "<script>alert(1)</script>"
_IMAGE = "<img src=x onerror=alert(1)>"
_CLOSING = "</code></summary></details><!--"


def before() -> None:
    """A log group that is kept for a week."""
    aws.cloudwatch.LogGroup(_SCRIPT, retention_in_days=7, tags={_IMAGE: "&lt;b&gt;"})


def after() -> None:
    """It is kept for a fortnight, and there is a topic."""
    aws.cloudwatch.LogGroup(_SCRIPT, retention_in_days=14, tags={_IMAGE: "&amp;"})
    aws.sns.Topic(_CLOSING, display_name="<b>loud</b>")


CHANGES = [
    f"update aws:cloudwatch/logGroup:LogGroup {_SCRIPT}: retentionInDays, tags[{_IMAGE}]",
    f"create aws:sns/topic:Topic {_CLOSING}",
]
RISKS: list[str] = []
