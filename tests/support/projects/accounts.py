"""The accounts of a project, managed by `facelabel users`."""

import subprocess
import sys
from pathlib import Path

PASSWORD = "correct horse battery"


def users_command(
    project: Path, *arguments: str, password: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `facelabel users` in a process of its own, with the password on its standard input."""
    command = [sys.executable, "-m", "annotator", "users", *arguments, "-p", str(project)]
    if password is not None:
        command.append("--password-stdin")
    return subprocess.run(command, input=password, capture_output=True, text=True, check=False)
