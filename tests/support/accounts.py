"""Accounts by the command."""

import subprocess
import sys
from pathlib import Path

PASSWORD = "correct horse battery"


def users(project: Path, *arguments: str, password: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "annotator", "users", *arguments, "-p", str(project)]
    if password is not None:
        command.append("--password-stdin")
    return subprocess.run(command, input=password, capture_output=True, text=True, check=False)
