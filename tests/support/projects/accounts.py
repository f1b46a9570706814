"""The accounts of a project, managed by `facelabel users`."""

import subprocess
import sys
from pathlib import Path

PASSWORD = "correct horse battery"


def users_command(project: Path, *arguments: str, password: str = "") -> str:
    """Run `facelabel users` in a separate process, with a password on its standard input; returns its output."""
    command = [sys.executable, "-m", "annotator", "users", *arguments, "-p", str(project)]
    if password:
        command.append("--password-stdin")
    return subprocess.run(command, input=password, capture_output=True, text=True, check=True).stdout
