"""CloudWatch Logs."""

from collections.abc import Mapping

from workbench.local.handlers.base import Api, Call, Handler

HANDLERS: Mapping[str, Handler] = {
    "aws:cloudwatch/logGroup:LogGroup": Api(
        service="logs",
        create_call="CreateLogGroup",
        names="name",
        rename={"name": "logGroupName"},
        ignored=("retentionInDays", "skipDestroy"),
        id="in.name",
        outputs={"arn": "join('', ['arn:aws:logs:', region, ':', account, ':log-group:', in.name])"},
        then=[
            Call("PutRetentionPolicy", {"logGroupName": "in.name", "retentionInDays": "in.retentionInDays"}),
        ],
        delete_call=Call("DeleteLogGroup", {"logGroupName": "id"}),
    )
}
