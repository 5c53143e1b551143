"""The API function: FastAPI behind API Gateway's HTTP API, through Mangum."""

from mangum import Mangum

from service.core.logging import configure_logging
from service.main import create_app

configure_logging()

# With lifespan on, Mangum would start and stop the application at every request.
handler = Mangum(create_app(), lifespan="off")
