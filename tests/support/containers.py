"""PostgreSQL and RabbitMQ in containers, in the place of the embedded servers: the same tests run
on them with `TEST_BACKEND=containers`.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from deploy.local.servers import Servers

POSTGRES_IMAGE = os.environ.get("POSTGRES_IMAGE", "postgres:18")
RABBITMQ_IMAGE = os.environ.get("RABBITMQ_IMAGE", "rabbitmq:4-management")
START_SECONDS = 180
# As for the embedded server: what a test leaves need not outlive a stop of the machine.
POSTGRES_COMMAND = "postgres -c max_connections=400 -c fsync=off -c synchronous_commit=off"


@contextmanager
def containers() -> Iterator[Servers]:
    """Both servers, in containers that are removed when the block ends."""
    postgres = PostgresContainer(POSTGRES_IMAGE, driver=None).with_command(POSTGRES_COMMAND)
    password = secrets.token_hex(16)
    # Not the module of testcontainers for RabbitMQ: it needs a second client and warns of itself.
    rabbitmq = (
        DockerContainer(RABBITMQ_IMAGE)
        .with_env("RABBITMQ_DEFAULT_USER", "cpro")
        .with_env("RABBITMQ_DEFAULT_PASS", password)
        .with_exposed_ports(5672, 15672)
        .waiting_for(
            LogMessageWaitStrategy("Server startup complete").with_startup_timeout(START_SECONDS)
        )
    )
    with postgres, rabbitmq:
        administrator = f"cpro:{password}@{rabbitmq.get_container_host_ip()}"
        yield Servers(
            postgres.get_connection_url(),
            f"amqp://{administrator}:{rabbitmq.get_exposed_port(5672)}/",
            f"http://{administrator}:{rabbitmq.get_exposed_port(15672)}",
        )
