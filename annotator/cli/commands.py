"""Find each command in its module, which is loaded only when the command is called."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Any

import click

from annotator.imaging.decoder_pool import prepare_decoding

COMMANDS = {
    "aggregate": ("team", "aggregate_command"),
    "assign": ("team", "assign_command"),
    "backup": ("operation.backups", "backup_command"),
    "certify": ("certify", "certify_command"),
    "diff": ("snapshots", "diff_command"),
    "doctor": ("operation.doctor", "doctor_command"),
    "erase": ("erase", "erase_command"),
    "exclude": ("exclusions", "exclude_command"),
    "export": ("export", "export_command"),
    "faces": ("faces", "faces_command"),
    "gold": ("gold", "gold_group"),
    "groups": ("groups", "groups_command"),
    "import": ("importing", "import_command"),
    "include": ("exclusions", "include_command"),
    "init": ("projects", "init_command"),
    "move": ("operation.move", "move_command"),
    "networks": ("networks", "networks_group"),
    "openapi": ("serving", "openapi_command"),
    "qualification": ("gold", "qualification_command"),
    "restore": ("operation.backups", "restore_command"),
    "round": ("rounds", "round_command"),
    "rounds": ("rounds", "rounds_group"),
    "schema": ("projects", "schema_group"),
    "serve": ("serving", "serve_command"),
    "snapshots": ("snapshots", "snapshots_group"),
    "splits": ("splits", "splits_command"),
    "status": ("projects", "status_command"),
    "take-back": ("take_back", "take_back_command"),
    "up": ("serving", "up_command"),
    "users": ("users", "users_group"),
    "verify": ("snapshots", "verify_command"),
    "worker": ("serving", "worker_command"),
}
"""By the name that the user types: the command's module in annotator.cli, and its name there."""


class Commands(click.Group):
    """The commands of `facelabel`. Expected errors are printed in sentences and set the exit code.

    This module imports almost nothing, because every process that decodes images imports it too.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted([*super().list_commands(ctx), *COMMANDS])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the called command; `import` starts the processes that decode images while the rest is loaded."""
        if args[0] == "import":
            prepare_decoding("annotator.imaging.image_store")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command with this name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, name = COMMANDS[cmd_name]
        # Imported modules stay. Searching them for garbage would take a sixth of the start, and more time again later.
        gc.disable()
        command: click.Command = getattr(import_module(f"annotator.cli.{module}"), name)
        gc.freeze()
        gc.enable()
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and print an expected error."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            from annotator.cli.terminal import report_expected  # noqa: PLC0415 - it loads the database

            exit_code = report_expected(error)
            if exit_code is None:
                raise
            sys.exit(exit_code)
