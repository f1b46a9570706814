"""The benchmarks are not run here, but they must not rot."""

import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import benchmarks
from annotator.domain.schema import parse_schema
from annotator.sample_faces import draw_faces
from benchmarks import (
    certificates,
    early,
    finder,
    honesty,
    hour,
    hour_pages,
    person,
    replays,
    versions,
    views,
)
from benchmarks.support.certificate_data import Faces
from benchmarks.support.certificate_limits import limit_row
from benchmarks.support.pieces import Pieces
from benchmarks.support.report import RESULTS, print_report
from trainer.simulate import Plan


def test_every_benchmark_can_be_loaded_and_says_what_it_measures():
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__"]
    assert "labelling" in names
    for name in names:
        assert importlib.import_module(f"benchmarks.{name}").__doc__


def test_the_honesty_of_intervals_is_measured_in_small():
    tables = honesty.measure("small")
    assert {row["figure"] for row in tables["95 % intervals"]} == set(honesty.FIGURES)
    assert all(row["replays"] == 6 and 0 <= row["covered"] <= 1 for row in tables["95 % intervals"])
    assert [row["attribute"] for row in tables["calibration error"]] == ["common", "rare"]


def test_broken_promises_of_certificates_are_counted_in_small():
    problem = honesty.made_up().problem
    faces = Faces(problem, np.full(len(problem.names), "made up"))
    tried = certificates.Scenario("as usual", "made up", "made up", certificates.AUDITED)
    rows = certificates.rows_of([tried], faces, (1, 1, 3))
    assert {row["attribute"] for row in rows} == {"common", "rare"}
    assert all(row["replays"] == 3 and 0 <= row["above the target"] <= row["either"] <= 1 for row in rows)
    hardest = limit_row(500, 200, certificates.Target(0.02, None), 12, 12, 300)
    assert 0 < hardest["above the target"] < 0.08


def test_an_interrupted_replay_of_an_hour_goes_on_where_it_was(tmp_path: Path):
    problem = honesty.made_up().problem
    measured = hour.tables(problem, 1, Pieces(tmp_path))
    assert [row["attributes"] for row in measured["minutes"]] == 2 * ["common", "rare", "common, rare"]
    assert all(row["plain"] > 0 for row in measured["minutes"])
    assert len(measured["what was told of each attribute"]) == 8
    pieces = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    lost = next(path for path in pieces if path.name.startswith("common certified"))
    lost.unlink()
    assert hour.tables(problem, 1, Pieces(tmp_path)) == measured
    again = {path for path, written in pieces.items() if path.stat().st_mtime_ns != written}
    assert again == {lost}
    assert early.for_good([(100, True), (200, False), (400, True), (800, True)]) == 400
    assert early.for_good([]) is None


def test_the_search_for_a_rare_value_is_measured_in_small():
    [effort] = finder.measure("small")["images looked at until 95 % are found"]
    assert effort["finder"] < effort["balanced"] < effort["random"]


def test_the_labelling_script_corrects_what_is_wrong_before_it_accepts():
    right = {"glasses": "1", "hair_top": "2"}

    def cell(attribute: str, shown: str | None, *, current: bool = False) -> dict[str, object]:
        return {"attribute": attribute, "key": attribute[0].upper(), "shown": shown, "current": current}

    person_asked_for_too = cell("identity", None)
    assert person.next_key([cell("glasses", "1"), cell("hair_top", None, current=True)], right) == "2"
    assert person.next_key([cell("glasses", "0"), cell("hair_top", "1", current=True)], right) == "2"
    assert person.next_key([cell("glasses", "0"), cell("hair_top", "2", current=True)], right) == "g"
    all_right = [cell("glasses", "1"), cell("hair_top", "2"), person_asked_for_too]
    assert person.next_key(all_right, right) == "Enter"


def test_labelling_plain_costs_what_the_images_before_the_first_round_cost():
    suggested = hour_pages.Labelled([6] * hour_pages.EVERY + [1] * 40, errors={"glasses": 0.0})
    plain = hour_pages.plain_of(suggested)
    assert plain.presses == [6] * (hour_pages.EVERY + 40)
    assert plain.seconds == pytest.approx((person.LOOK + 6 * person.KEY) * len(plain.presses))
    assert hour_pages.Labelled([6], visits=1).seconds == pytest.approx(
        person.LOOK + 6 * person.KEY + hour_pages.VISIT
    )


def test_the_schema_of_a_benchmark_has_the_attributes_that_are_asked():
    asked = parse_schema(person.schema_of(["male", "glasses"]))
    assert [attribute.name for attribute in asked.attributes] == ["glasses", "male"]
    assert len(parse_schema(person.schema_of(None)).attributes) == 7


def test_a_row_may_lack_what_others_have(capsys: pytest.CaptureFixture[str]):
    print_report("waiting", {"seconds": [{"images": 10}, {"images": 1000, "queued": 0.5}]})
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines == [["waiting"], ["seconds"], ["images", "queued"], ["10"], ["1000", "0.5"]]


def test_a_models_own_class_prior_does_not_count_in_the_area_of_all_folds():
    codes = np.array([0, 0, 1, 1])
    taught_by_few, taught_by_many = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.6, 0.7, 0.8, 0.9])
    parts = [(codes, codes, taught_by_few), (codes, codes, taught_by_many)]
    assert views.rated(parts, 2)["AUROC"] == 1
    of_one_class = (codes[:2], codes[:2], taught_by_few[:2])
    assert views.rated([*parts, of_one_class], 2)["AUROC"] == 1
    assert "AUROC" not in views.rated([of_one_class], 2)


def test_every_recorded_simulation_can_be_replayed_with_the_plan_that_was_hashed():
    folders = sorted(RESULTS.glob("simulate-*"))
    assert {folder.name for folder in folders} == replays.RECIPES.keys()
    for folder in folders:
        recorded = json.loads((folder / "plan.json").read_bytes())
        summary = json.loads((folder / "summary.json").read_bytes())
        assert Plan.model_validate(recorded["plan"]).hash == recorded["plan_hash"]
        assert {key: summary[key] for key in recorded} == recorded


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, replays.Recipe]:
    """A small simulation on drawn faces as the repository keeps it, without its replays; and its recipe."""
    monkeypatch.setenv("HOME", str(tmp_path))  # features are kept there
    draw_faces(tmp_path / "faces", 120, size=64)
    recipe = replays.Recipe([[tmp_path / "faces", tmp_path / "faces" / "answers.csv"]])
    pace = {"image": 2.0, "answer": 0.5, "confirmation": 0.0}
    plan = {"strategies": ["random"], "seeds": 1, "start": 40, "budgets": [60], "batch": 10, "stress": "none"}
    plan |= {"pace": pace, "whole_images": True}
    simulation = tmp_path / "simulate-drawn"
    replays.replay(simulation, recipe, plan)
    return simulation, recipe


def test_replays_that_are_not_kept_are_made_again(recorded: tuple[Path, replays.Recipe]):
    simulation, recipe = recorded
    kept = [simulation / "raw" / "random-000.json", simulation / "summary.json"]
    before = [without_seconds(json.loads(file.read_bytes())) for file in kept]
    assert before[1]["plan"]["pace"] == {"image": 2.0, "answer": 0.5, "confirmation": 0.0}
    assert [point["bought"] for point in before[0]["curve"]] == [40, 60]
    for file in kept:
        file.unlink()
    replays.remake(simulation, recipe)
    assert [without_seconds(json.loads(file.read_bytes())) for file in kept] == before


def without_seconds(content: Any) -> Any:
    """The content of a JSON file without the times that were measured."""
    if isinstance(content, list):
        return [without_seconds(part) for part in content]
    if isinstance(content, dict):
        return {key: without_seconds(part) for key, part in content.items() if not key.startswith("seconds")}
    return content


def test_replays_say_which_pictures_are_missing_and_which_simulations_there_are(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="Nothing was changed"):
        replays.remake(tmp_path, replays.Recipe([[tmp_path / "faces"]]))
    command = [sys.executable, "-m", "benchmarks", "replays", "simulate-nothing"]
    refused = subprocess.run(command, cwd=RESULTS.parents[1], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "there is no simulation simulate-nothing; there are simulate-celeba" in refused.stderr


def test_versions_are_compared_pair_by_pair(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(versions, "MEASURE", "import os, json; print(json.dumps({'s': len(os.getcwd())}))")
    tables = versions.compare(tmp_path, ["serving"], 2)
    here, there = len(str(RESULTS.parents[1])), len(str(tmp_path))
    (row,) = tables["serving"]
    assert (row["metric"], row["this"], row["other"], row["pairs"]) == ("s", here, there, 2)
    assert row["ratio"] == row["lowest"] == row["highest"] == round(here / there, 3)
