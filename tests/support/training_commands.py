"""The commands of the trainer, called in this process."""

from click.testing import CliRunner

from trainer.cli import main


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
