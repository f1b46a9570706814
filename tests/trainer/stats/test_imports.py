"""The shared statistics can be imported where only NumPy is installed."""

import pkgutil
import subprocess
import sys

import pytest

import trainer.stats
from tests.support.paths import CHECKOUT

MODULES = [module.name for module in pkgutil.iter_modules(trainer.stats.__path__, "trainer.stats.")]
LOADED = """
import sys
before = set(sys.modules)
import {module}
names = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(*sorted(names - sys.stdlib_module_names))
"""


@pytest.mark.parametrize("module", MODULES)
def test_a_statistics_module_loads_numpy_alone(module: str):
    code = LOADED.format(module=module)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["numpy", "trainer"]
