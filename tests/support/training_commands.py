"""The commands of the trainer, called in this process."""

from click.testing import CliRunner

from trainer.cli import main


def call(*arguments):
    """Call the trainer's command; exceptions of the program itself are raised."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
