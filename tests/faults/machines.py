"""PostgreSQL and RabbitMQ for the fault runs: servers of their own, which may be hurt."""

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.local import postgres, rabbitmq
from deploy.local.kept import listening, locked
from deploy.local.processes import kill, start, stop, wait_for_earlier, wait_until
from deploy.local.servers import Servers

ALARM, NO_ALARM = "0.001", "0.8"
"""Of the memory that the broker may take: an alarm at once, and what its configuration says."""

GONE_SECONDS = 10.0


@dataclass
class Machines:
    """Both servers; they come back at the same ports."""

    broker: rabbitmq.Broker
    database: postgres.Database

    @property
    def servers(self) -> Servers:
        """Where they are."""
        return Servers(self.database.url, self.broker.amqp_url, self.broker.api_url)

    def restart_database(self, how: signal.Signals) -> None:
        """End PostgreSQL by a signal and start it again: SIGINT ends it as an administrator does,
        SIGQUIT as a crash (it then reads its log again).
        """
        stop(self.database.process, how=how, within=30)
        process = start(self.database.process.program, keep_log=True)
        self.database = replace(self.database, process=process)
        self.database.wait()

    def kill_broker(self) -> None:
        """kill -9 the broker and start it again."""
        kill(self.broker.process)
        deadline = time.monotonic() + GONE_SECONDS
        # What ends a moment later than its parent may still seem to listen for the new one.
        while any(map(listening, self.broker.ports)) and time.monotonic() < deadline:
            time.sleep(0.03)
        process = start(self.broker.process.program, keep_log=True)
        self.broker = replace(self.broker, process=process)
        self.broker.wait()

    def stop_broker(self) -> None:
        """Close all connections and queues."""
        self.broker.call("rabbit stop")
        wait_until(lambda: not self._open, self.broker.process, within=90)

    def start_broker(self) -> None:
        """Open them again, after `stop_broker`; a broker that still stops is told once more."""
        wait_until(
            lambda: self.broker.call("rabbit start") and self._open, self.broker.process, within=90
        )

    @property
    def _open(self) -> bool:
        return all(map(listening, self.broker.ports))

    def set_memory(self, limit: str) -> None:
        """How much of the machine's memory the broker may take before it takes no more messages."""
        self.broker.call(f"vm_memory_monitor set_vm_memory_high_watermark [{limit}]")


@contextmanager
def _emptied(folder: Path) -> Iterator[None]:
    """Hold a folder, without what an earlier run has left there.

    Raises:
        InUseError: another run holds it.
    """
    with locked(folder.with_name(f"{folder.name}.lock")):
        wait_for_earlier(folder)
        shutil.rmtree(folder, ignore_errors=True)
        yield


@contextmanager
def running_machines(folder: Path) -> Iterator[Machines]:
    """Both servers, new, with their data in `folder`, until the block ends.

    Nothing is flushed to the disk, which only a crash of the machine would show: after a crash of
    its own PostgreSQL would first look through all files, for longer than a seed lasts.
    """
    with (
        _emptied(folder),
        rabbitmq.running(folder / "rabbitmq") as broker,
        postgres.running(folder / "postgres", durable=False) as database,
    ):
        database.wait()
        broker.wait()
        machines = Machines(broker, database)
        try:
            yield machines
        finally:  # those that were there at first, and are still, are stopped by what started them
            if machines.database.process is not database.process:
                stop(machines.database.process, how=signal.SIGINT, within=30)
            if machines.broker.process is not broker.process:
                stop(machines.broker.process, within=20, every=2)
