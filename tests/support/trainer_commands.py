"""The trainer's commands as a user calls them."""

from click.testing import CliRunner, Result

from trainer.cli import main


def call(*arguments: object) -> Result:
    """Run `trainer` in this process; unexpected exceptions are raised."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
