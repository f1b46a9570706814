"""Limits on the size of folders, modules and functions; tests import helpers from tests/support only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT

MODULES_IN_A_FOLDER = 20
LINES_OF_A_MODULE = 400
LINES_OF_A_FUNCTION = 60


def modules(*roots: str, suffix: str = ".py") -> Iterator[Path]:
    """The source files below folders of the checkout."""
    for root in roots:
        yield from sorted((CHECKOUT / root).rglob(f"*{suffix}"))


def relative(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


@pytest.mark.parametrize("suffix", [".py", ".js"])
def test_no_folder_has_more_modules_than_a_reader_can_keep_apart(suffix: str):
    by_folder: dict[str, int] = {}
    for module in modules("annotator", "trainer", "static", "tests", suffix=suffix):
        folder = relative(module.parent)
        by_folder[folder] = by_folder.get(folder, 0) + (module.name != "__init__.py")
    assert by_folder
    assert {folder: count for folder, count in by_folder.items() if count > MODULES_IN_A_FOLDER} == {}


def test_no_module_is_longer_than_its_subject_needs():
    lengths = {
        relative(module): len(module.read_text(encoding="utf-8").splitlines())
        for suffix, roots in (
            (".py", ("annotator", "trainer", "tests", "benchmarks", "docs")),
            (".js", ("static",)),
        )
        for module in modules(*roots, suffix=suffix)
    }
    assert {module: lines for module, lines in lengths.items() if lines > LINES_OF_A_MODULE} == {}


def test_every_function_fits_on_a_screen():
    long = {}
    for module in modules("annotator", "trainer"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LINES_OF_A_FUNCTION:
                    long[f"{relative(module)}:{node.lineno} {node.name}"] = lines
    assert long == {}


def test_every_package_says_what_it_holds():
    packages = [module for module in modules("annotator", "trainer") if module.name == "__init__.py"]
    assert packages
    assert [
        relative(package.parent)
        for package in packages
        if not ast.get_docstring(ast.parse(package.read_text(encoding="utf-8")))
    ] == []


def test_nothing_imports_a_test_module():
    assert [
        f"{relative(module)}:{node.lineno}"
        for module in modules("tests", "benchmarks", "docs")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if any(name.startswith("test_") or name == "conftest" for name in imported_from_tests(node))
    ] == []


def imported_from_tests(node: ast.AST) -> list[str]:
    """Every part of the names that a statement imports from this folder."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tests":
        return [*(node.module or "").split("."), *(alias.name for alias in node.names)]
    if isinstance(node, ast.Import):
        return [
            part for alias in node.names if alias.name.startswith("tests.") for part in alias.name.split(".")
        ]
    return []


def test_tests_find_the_checkout_in_one_place():
    assert [
        relative(module)
        for module in modules(
            "tests/annotator", "tests/browser", "tests/loop", "tests/support", "tests/trainer"
        )
        if "Path(__file__)" in module.read_text(encoding="utf-8") and module.name != "paths.py"
    ] == []
