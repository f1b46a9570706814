"""The examples of docs/api.md run as written."""

import re
import subprocess
import sys

from tests.support.paths import CHECKOUT
from tests.support.serving import Server

DOCUMENT = CHECKOUT / "docs" / "api.md"


def test_the_examples_of_the_documentation_run_against_a_real_server(server: Server):
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    program = "\n".join(blocks)
    assert "http://127.0.0.1:8420" in program
    program = program.replace("http://127.0.0.1:8420", server.url)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("snapshots/")
