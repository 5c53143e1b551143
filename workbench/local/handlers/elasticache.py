"""ElastiCache Serverless: the Valkey of this stack."""

from collections.abc import Mapping
from typing import Any

from workbench.local.cloud import Cloud
from workbench.local.handlers.base import Custom, Handler, Made, auto_name
from workbench.local.processes import LOOPBACK
from workbench.local.state import Applied


class ServerlessCache(Custom):
    """A cache. Its usage limits mean nothing here; its address does."""

    def facts(self, cloud: Cloud) -> Any:
        """The address."""
        return cloud.cache_port

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """The Valkey that is running already."""
        physical = inputs.get("name") or auto_name(name)
        endpoint = {"address": LOOPBACK, "port": cloud.cache_port}
        return physical, {
            "name": physical,
            "arn": f"arn:aws:elasticache:{cloud.region}:{cloud.account}:serverlesscache:{physical}",
            "endpoints": [endpoint],
            "readerEndpoints": [endpoint],
        }

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Its address now."""
        return self.create(cloud, before.name, inputs)


HANDLERS: Mapping[str, Handler] = {"aws:elasticache/serverlessCache:ServerlessCache": ServerlessCache()}
