"""The benchmarks are not run here, but they must not rot."""

import importlib
import pkgutil

import pytest

import benchmarks
from benchmarks import honesty, person
from benchmarks.report import print_report


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


def test_a_row_may_lack_what_others_have(capsys: pytest.CaptureFixture[str]):
    print_report("waiting", {"seconds": [{"images": 10}, {"images": 1000, "queued": 0.5}]})
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines == [["waiting"], ["seconds"], ["images", "queued"], ["10"], ["1000", "0.5"]]
