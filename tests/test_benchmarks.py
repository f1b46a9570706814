"""The benchmarks are not run here, but they must not rot."""

import importlib
import pkgutil

import benchmarks


def test_every_benchmark_can_be_loaded_and_says_what_it_measures():
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__"]
    assert "labelling" in names
    for name in names:
        assert importlib.import_module(f"benchmarks.{name}").__doc__
