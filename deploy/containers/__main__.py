"""The commands of the system in containers: `python -m deploy.containers --help`."""

import sys

import typer

from deploy.containers import compose
from deploy.local.demo import TODAY, play
from deploy.local.errors import StackError
from deploy.local.processes import stopping_on_signals

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The whole system in containers.",
)


@app.command()
def build() -> None:
    """Build the image of the services and that of the tools."""
    compose.build()


@app.command()
def story() -> None:
    """Build, start a system of its own, play the demonstration against it, stop and remove it."""
    compose.build()
    settings = {"CPRO_TODAY": TODAY.isoformat()}
    with stopping_on_signals():
        play(compose.running("cpro-story", settings=settings))


def main() -> None:
    """Run a command; what cannot be done is said in a sentence, not in a traceback."""
    try:
        app()
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
