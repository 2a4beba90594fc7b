"""The commands of the local stack: `python -m deploy.local --help`."""

import logging
import sys
from collections.abc import Mapping

import typer

from deploy.local import LOCAL, rabbitmq_packages
from deploy.local.errors import StackError
from deploy.local.processes import stopping_on_signals

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The whole system on this machine: databases, broker and services.",
)


@app.command()
def up() -> None:
    """Start the system and leave it running."""
    from deploy.local import supervisor

    with stopping_on_signals():
        urls, just_now = supervisor.up()
    typer.echo("The system is up:" if just_now else "The system is already up:")
    _show(urls)
    _show_people(urls["gateway"])
    typer.echo(f"Logs and data: {supervisor.DATA}. « make down » stops it.")


@app.command()
def down() -> None:
    """Stop the system that `up` started; its data stay."""
    from deploy.local import supervisor

    typer.echo("The system is stopped." if supervisor.down() else "Nothing runs.")


@app.command(hidden=True)
def supervise() -> None:
    """Hold the system (what `up` starts)."""
    from deploy.local import supervisor

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    supervisor.supervise()


@app.command()
def demo() -> None:
    """Play the demonstration and stop."""
    from deploy.local.demo import main as play

    with stopping_on_signals():
        play()


@app.command()
def servers() -> None:
    """Run PostgreSQL and RabbitMQ alone, until Ctrl-C, and print the variables that name them."""
    import signal

    from deploy.local.servers import running_servers

    with stopping_on_signals(), running_servers(LOCAL / "servers") as running:
        typer.echo(f"export CPRO_POSTGRES_URL={running.postgres_url}")
        typer.echo(f"export CPRO_AMQP_URL={running.amqp_url}")
        typer.echo(f"export CPRO_RABBITMQ_API_URL={running.rabbitmq_api_url or ''}")
        signal.pause()


@app.command()
def fetch() -> None:
    """Fetch RabbitMQ into the tree (a part of the set-up)."""
    rabbitmq_packages.fetch()


def _show(urls: Mapping[str, str]) -> None:
    for name, url in urls.items():
        typer.echo(f"  {name:18}{url}")


def _show_people(address: str) -> None:
    from deploy.local.people import FURTHER_PEOPLE, PEOPLE

    typer.echo(f"The pages: {address}. Sign in with one of these names:")
    for one in (*PEOPLE, *FURTHER_PEOPLE):
        typer.echo(f"  {one.subject:22}{one.what}")


def main() -> None:
    """Run a command; what the stack cannot do is said in a sentence, not in a traceback."""
    try:
        app()
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
