# The service, and the sandbox for its automations, as images of their own: for those who do not use Lambda.
#
#   docker build --target service -t plinth-service .
#   docker build --target sandbox -t plinth-sandbox .
#
# compose.yaml runs both with their PostgreSQL and Valkey; docs/container.md says what that isolates.

# The minor version is that of the Lambda functions. The digest is of the index, for every platform.
FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS base

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1


FROM base AS installer

WORKDIR /opt/installer

COPY locks/installer.txt ./

RUN python -m venv /opt/installer/venv \
    && /opt/installer/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r installer.txt


FROM installer AS packages

ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_NO_CONFIG=1

WORKDIR /opt/packages

COPY locks/service.txt locks/container.txt locks/sandbox.txt ./

# The very lock that the Lambda functions are packaged from, and what serves HTTP here in Lambda's place.
RUN python -m venv --without-pip /opt/plinth \
    && /opt/installer/venv/bin/uv pip sync --python /opt/plinth/bin/python \
        --require-hashes --only-binary :all: service.txt container.txt \
    && rm -f /opt/plinth/.lock

# What scripts may import beside the standard library.
RUN /opt/installer/venv/bin/uv pip install --target /opt/sandbox/sandbox_packages \
        --require-hashes --only-binary :all: -r sandbox.txt

COPY service/ /opt/plinth/app/service/
COPY sandbox_lambda/ /opt/sandbox/sandbox_lambda/

# Compiled here, since the root file systems of the containers are read-only.
RUN python -m compileall -q /opt/plinth/app /opt/sandbox


# Nothing of the service is in here, and nothing that anybody would want to read.
FROM base AS sandbox

LABEL org.opencontainers.image.title="plinth-sandbox" \
      org.opencontainers.image.description="Runs one script of untrusted code, and ends"

COPY --from=packages /opt/sandbox /opt/sandbox

WORKDIR /opt/sandbox

USER 10002:10002

EXPOSE 8080

STOPSIGNAL SIGTERM

# It ends after each script. Whether it is up, the worker asks before it sends one.
HEALTHCHECK NONE

CMD ["python", "-s", "-B", "-m", "sandbox_lambda.server", "--once"]


FROM base AS service

ARG REVISION=unknown

LABEL org.opencontainers.image.title="plinth-service" \
      org.opencontainers.image.description="The API, its worker and its migrations" \
      org.opencontainers.image.revision="${REVISION}"

COPY --from=packages /opt/plinth /opt/plinth

# Nobody's word is taken for where a request comes from, until a proxy is named.
ENV PATH=/opt/plinth/bin:$PATH \
    FORWARDED_ALLOW_IPS=

WORKDIR /opt/plinth/app

USER 10001:10001

EXPOSE 8000

STOPSIGNAL SIGTERM

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-I", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]

CMD ["python", "-m", "uvicorn", "service.asgi:create", "--factory", "--host", "0.0.0.0", "--port", "8000", \
     "--no-server-header", "--timeout-graceful-shutdown", "20"]
