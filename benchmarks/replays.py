"""`python -m benchmarks replays [NAME…]`: make the replays of the recorded simulations again.

benchmarks/results/simulate-*/ keeps plan.json, summary.json and report.html of each simulation. The single replays (raw/)
are large and follow from the plan, so they are not kept in the repository. This command makes the snapshot that the plan
was recorded with and calls `facelabel trainer simulate` on it with the plan's settings. That writes raw/ and writes
summary.json and report.html anew: `git diff` shows what differs. Last digits differ between machines.

It needs the development data beside the checkout (../shared/data) and takes hours. After an interruption it makes only
what is missing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.data import EXAMPLES, SHARED
from benchmarks.support.report import RESULTS


@dataclass(frozen=True)
class Recipe:
    """How the snapshot of a simulation is made.

    Attributes:
        imports: The arguments of each `facelabel import`, in order.
        schema: The attributes.toml of the project; None takes the default.
    """

    imports: Sequence[Sequence[Path | str]]
    schema: Path | None = None


_CELEBA = Recipe(
    imports=[[SHARED / "celeba" / "images", SHARED / "celeba" / "derived.csv"]],
    schema=EXAMPLES / "celeba" / "attributes.toml",
)
_CELEBA_RARE = Recipe(imports=[[SHARED / "celeba"]], schema=EXAMPLES / "celeba_rare" / "attributes.toml")
_UTKFACE = Recipe(
    imports=[
        [SHARED / "utkface" / "images"],
        [SHARED / "utkface" / "labels.csv", "--map", EXAMPLES / "utkface" / "map.toml"],
    ],
    schema=EXAMPLES / "utkface" / "attributes.toml",
)
RECIPES = {
    "simulate-celeba": _CELEBA,
    "simulate-celeba-rules": _CELEBA,
    "simulate-start": _CELEBA,
    "simulate-strategies": _CELEBA,
    "simulate-celeba-rare": _CELEBA_RARE,
    "simulate-utkface": _UTKFACE,
    "simulate-utkface-rules": _UTKFACE,
}


def main(arguments: Sequence[str]) -> None:
    """Make the replays of the named simulations, or of all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks replays",
        description="Make the replays (raw/) of the recorded simulations in benchmarks/results again. It takes hours; "
        "after an interruption only what is missing is made.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECIPES) + "  [default: all]")
    names = parser.parse_args(arguments).names
    if unknown := set(names) - RECIPES.keys():
        parser.error(f"there is no simulation {min(unknown)}; there are {', '.join(RECIPES)}")
    for name in names or RECIPES:
        print(f"{name}: making the snapshot, then the replays", flush=True)
        try:
            remake(RESULTS / name, RECIPES[name])
        except FileNotFoundError as error:
            parser.error(str(error))
        except subprocess.CalledProcessError as error:
            sys.exit(error.returncode)  # the command has said why


def remake(simulation: Path, recipe: Recipe) -> None:
    """Make the missing replays of a recorded simulation, and its summary and report from all replays.

    Args:
        simulation: Folder with plan.json, as `trainer simulate` wrote it.
        recipe: How its snapshot is made.

    Raises:
        FileNotFoundError: A source of the recipe is missing; nothing was changed.
        subprocess.CalledProcessError: A command failed; its error output says why. `trainer simulate` changes nothing
            if the snapshot or the settings are not those of plan.json.
    """
    for source in (source for sources in recipe.imports for source in sources):
        if isinstance(source, Path) and not source.exists():
            raise FileNotFoundError(
                f"{source} is missing: the replays are made from it. Nothing was changed. "
                "Put the development data there."
            )
    replay(simulation, recipe, json.loads((simulation / "plan.json").read_bytes())["plan"])


def replay(simulation: Path, recipe: Recipe, plan: Mapping[str, Any]) -> None:
    """Make the snapshot of a recipe and simulate a plan on it, into a folder that may hold some of its replays."""
    with tempfile.TemporaryDirectory() as name:
        project, snapshot = Path(name) / "project", Path(name) / "snapshot"
        schema = ["--schema", recipe.schema] if recipe.schema else []
        _call("annotator", "init", *schema, "-p", project)
        for sources in recipe.imports:
            _call("annotator", "import", *sources, "-p", project)
        _call("annotator", "export", "--to", snapshot, "-p", project)
        _call("trainer", "simulate", snapshot, "--to", simulation, *_options(plan))


def _options(plan: Mapping[str, Any]) -> list[object]:
    """A plan as options of `trainer simulate`."""
    several = {"--strategy": plan["strategies"], "--budget": plan["budgets"]}
    repeated = [part for option, values in several.items() for value in values for part in (option, value)]
    pace = [part for name, value in plan.get("pace", {}).items() for part in (f"--seconds-{name}", value)]
    single = [
        part
        for name in ("seeds", "start", "batch", "stress")
        if name in plan
        for part in (f"--{name}", plan[name])
    ]
    whole = ["--whole-images"] if plan.get("whole_images") else []
    return [*repeated, *single, *pace, *whole]


def _call(module: str, *arguments: object) -> None:
    subprocess.run([sys.executable, "-m", module, *map(str, arguments)], check=True)
