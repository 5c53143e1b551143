"""The documentation page: Swagger UI over the service's own OpenAPI document."""
