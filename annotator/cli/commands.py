"""Where each command is: its module is loaded when it is called, not with all the others."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Any

import click

from annotator.imaging.decoder_pool import prepare_decoding

COMMANDS = {
    "aggregate": ("aggregate", "aggregate_command"),
    "diff": ("snapshots", "diff_command"),
    "doctor": ("doctor", "doctor_command"),
    "export": ("data", "export_command"),
    "faces": ("faces", "faces_command"),
    "gold": ("gold", "gold_group"),
    "groups": ("groups", "groups_command"),
    "import": ("importing", "import_command"),
    "init": ("projects", "init_command"),
    "openapi": ("serving", "openapi_command"),
    "round": ("rounds", "round_command"),
    "schema": ("projects", "schema_group"),
    "serve": ("serving", "serve_command"),
    "splits": ("splits", "splits_command"),
    "status": ("projects", "status_command"),
    "up": ("serving", "up_command"),
    "users": ("users", "users_group"),
    "verify": ("data", "verify_command"),
    "worker": ("serving", "worker_command"),
}
"""The module below annotator.cli and the name in it of each command, by what the user types."""


class Commands(click.Group):
    """The commands of `facelabel`. Expected errors are told in sentences and end with their exit code.

    This module loads next to nothing: the processes that decode images load it too, when the command was called by its
    own name.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted([*super().list_commands(ctx), *COMMANDS])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called."""
        if args[0] == "import":
            prepare_decoding("annotator.imaging.image_store")  # while this process loads all the rest
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, name = COMMANDS[cmd_name]
        # What is loaded now stays for good: to look for garbage in it meanwhile takes a sixth of the start, and later on
        # time after time.
        gc.disable()
        command: click.Command = getattr(import_module(f"annotator.cli.{module}"), name)
        gc.freeze()
        gc.enable()
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            from annotator.cli.terminal import report_expected  # noqa: PLC0415 - it loads the database

            exit_code = report_expected(error)
            if exit_code is None:
                raise
            sys.exit(exit_code)
