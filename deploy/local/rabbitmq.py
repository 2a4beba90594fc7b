"""One RabbitMQ broker on the loopback, with its data in a folder.

Erlang is started directly, not by the shell scripts of the package, which hold the paths of an
installed system and put shells between the broker and the signals meant for it. Its port mapper
(epmd) is ours too, so that nothing stays behind.
"""

import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local import kept
from deploy.local.kept import locked
from deploy.local.processes import Process, Program, start, stop, wait_for_earlier, wait_until
from deploy.local.rabbitmq_packages import PLUGINS, erlang_folder, fetch, rabbitmq_folder

USER = "cpro"
NODE = "rabbit@localhost"

CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
default_user = {user}
default_pass = {password}
# The alarms are for servers; this one shares a desk's machine.
disk_free_limit.absolute = 20MB
vm_memory_high_watermark.relative = 0.8
"""

# The only name that Erlang needs, whatever the system's files say.
NAMES = """\
{lookup, [file]}.
{host, {127,0,0,1}, ["localhost"]}.
"""

# As the package's own script has them, but for +sbwt: to wait a moment before sleeping halves the
# time of the start, which passes much work between two threads.
ERLANG_OPTIONS = (
    *("-noinput", "-s", "rabbit", "boot", "-boot", "start_sasl", "+W", "w", "+B", "i"),
    *("+S", "2:2", "+P", "1048576", "+t", "5000000", "+zdbbl", "128000"),
    *("+MBas", "ageffcbf", "+MHas", "ageffcbf", "+MBlmbcs", "512", "+MHlmbcs", "512"),
    *("+MMmcs", "30"),
    *("+sbwt", "very_short", "+sbwtdcpu", "very_short", "+sbwtdio", "very_short"),
    *("-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false"),
    *("-kernel", "prevent_overlapping_partitions", "false"),
    *("-kernel", "inet_dist_use_interface", "{127,0,0,1}"),
)


@dataclass(frozen=True)
class Broker:
    """A broker that was started; `wait` says when it can be used."""

    amqp_url: str
    api_url: str
    process: Process
    environment: dict[str, str]
    ports: tuple[int, int]

    def wait(self) -> None:
        """Return when it accepts connections.

        Raises:
            StartError: it does not start.
        """
        wait_until(lambda: all(map(kept.listening, self.ports)), self.process, within=90)

    def call(self, function: str) -> bool:
        """Call a function of the broker, as « module function [arguments] »; whether it answered.

        For faults on purpose: `rabbit stop` closes all connections and queues (in six seconds),
        `rabbit start` opens them again on the same ports, and
        `vm_memory_monitor set_vm_memory_high_watermark [0.001]` raises the alarm.
        """
        command = [f"{erlang_folder()}/bin/erl_call", "-sname", NODE, "-a", function]
        try:
            done = subprocess.run(
                command, env=self.environment, capture_output=True, check=False, timeout=20
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


@contextmanager
def running(folder: Path) -> Iterator[Broker]:
    """Start a broker with its data in `folder`; on the same ports as before if they are free.

    The block begins while the broker still starts: see `Broker.wait`.
    """
    fetch()
    with locked(folder.with_name(f"{folder.name}.lock")):
        wait_for_earlier(folder)
        password = _configure(folder)
        environment = _environment(folder)
        amqp, management = kept.port(folder, "amqp"), kept.port(folder, "management")
        with _started(_port_mapper(folder, environment)):
            broker = Broker(
                amqp_url=f"amqp://{USER}:{password}@127.0.0.1:{amqp}/",
                api_url=f"http://{USER}:{password}@127.0.0.1:{management}",
                process=start(_server(folder, environment)),
                environment=environment,
                ports=(amqp, management),
            )
            try:
                yield broker
            finally:
                _stop(broker)


def _configure(folder: Path) -> str:
    """Write what the broker reads at its start; the password of its administrator."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = kept.secret(folder / "password", lambda: secrets.token_hex(16).encode()).decode()
    kept.secret(folder / "home/.erlang.cookie", lambda: secrets.token_hex(16).encode())
    configuration = CONFIGURATION.format(
        amqp=kept.port(folder, "amqp"),
        management=kept.port(folder, "management"),
        user=USER,
        password=password,
    )
    kept.write_private(folder / "rabbitmq.conf", configuration.encode())
    (folder / "enabled_plugins").write_text(f"[{','.join(PLUGINS)}].\n")
    (folder / "names").write_text(NAMES)
    return password


@contextmanager
def _started(program: Program) -> Iterator[None]:
    process = start(program)
    try:
        yield
    finally:
        stop(process)


def _stop(broker: Broker) -> None:
    """A clean stop.

    Taken as it is, it would last five seconds longer: the management plugin's event handler, ended
    last, then waits in vain for an answer of the part of Erlang that waits for its end.
    """
    try:
        if broker.process.exit_code is None:
            broker.call("gen_event delete_handler [rabbit_event,rabbit_mgmt_db_handler,[]]")
    finally:
        stop(broker.process, within=20, every=2)


def _port_mapper(folder: Path, environment: dict[str, str]) -> Program:
    command = [f"{_runtime()}/epmd", "-address", "127.0.0.1", "-port", environment["ERL_EPMD_PORT"]]
    return Program("epmd", command, folder / "epmd.log", environment, folder)


def _server(folder: Path, environment: dict[str, str]) -> Program:
    command = [f"{_runtime()}/erlexec", *ERLANG_OPTIONS]
    return Program(
        "RabbitMQ",
        command,
        folder / "rabbitmq.log",
        environment,
        folder,
        # SIGKILL loses queues declared in the last two seconds, and leaves quorum queues among them
        # useless for ever (3.10). SIGTERM ends it in six seconds, but in its first second it may
        # pay no heed.
        death_signal=signal.SIGTERM,
        grace=20,
    )


def _runtime() -> Path:
    return next(erlang_folder().glob("erts-*/bin"))


def _environment(folder: Path) -> dict[str, str]:
    """All that the broker is told; nothing of ours, which may be meant for another broker."""
    home, erlang = rabbitmq_folder(), erlang_folder()
    return {
        "PATH": f"{_runtime()}:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(folder / "home"),
        "EMU": "beam",
        "PROGNAME": "erl",
        "ROOTDIR": str(erlang),
        "BINDIR": str(_runtime()),
        "LD_LIBRARY_PATH": ":".join(map(str, sorted(erlang.parent.glob("*-linux-gnu*")))),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(kept.port(folder, "epmd")),
        "ERL_LIBS": str(home / "plugins"),
        "ERL_MAX_ETS_TABLES": "50000",
        "ERL_MAX_PORTS": "65536",
        "ERL_CRASH_DUMP_BYTES": "0",
        "ERL_INETRC": str(folder / "names"),
        "SYS_PREFIX": str(folder),
        "RABBITMQ_HOME": str(home),
        "RABBITMQ_NODENAME": NODE,
        "RABBITMQ_DIST_PORT": str(kept.port(folder, "distribution")),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PLUGINS_DIR": str(home / "plugins"),
        "RABBITMQ_PLUGINS_EXPAND_DIR": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder),
        "RABBITMQ_MNESIA_DIR": str(folder / "data"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",
    }
