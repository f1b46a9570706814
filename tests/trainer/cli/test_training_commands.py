"""The commands that train, measure and show a model, on a small drawn snapshot."""

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.small_run import CODES, draw_snapshot
from tests.support.training_commands import call
from trainer import networks
from trainer.data.images import load_image
from trainer.data.snapshot import Snapshot
from trainer.evaluation.outputs import Answers
from trainer.reports.galleries import hard_cases, hard_rows
from trainer.rounds.engines import ask
from trainer.rounds.load_model import open_network
from trainer.runtime.files import write_manifest
from trainer.runtime.tensors import load_checkpoint

SMALL = {
    "network": "small", "pretrained": "false", "batch_norm": "trained", "image_size": 32, "epochs": 4, "batch_size": 8,
    "learning_rate": 5e-3, "head_learning_rate": 5e-3, "ema_decay": 0.5, "threads": 1, "workers": 0, "keep_top": 2,
    "tensorboard": "true", "precision": "auto",
}  # fmt: skip


def rows_of(file):
    return list(csv.DictReader(file.read_text().splitlines()))


def settings(**changes):
    return [part for name, value in {**SMALL, **changes}.items() for part in ("--set", f"{name}={value}")]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "snapshot"
    draw_snapshot(folder)
    return folder


@pytest.fixture(scope="module")
def run(snapshot, tmp_path_factory):
    to = tmp_path_factory.mktemp("run") / "fit"
    result = call("fit", snapshot, "--to", to, *settings(), "--json")
    assert result.exit_code == 0, result.stderr
    return to


def test_metrics_are_printed_with_their_intervals(run, snapshot):
    printed = call("evaluate", run / "model", snapshot).stdout
    found = json.loads(call("evaluate", run / "model", snapshot, "--json").stdout)["metrics"]["mark"]["val"]
    low, high = found["suggested"]["accuracy_interval"]
    assert f"{found['suggested']['accuracy']:.3f} ({low:.3f}–{high:.3f})" in printed


def test_a_run_records_its_environment_at_every_start(snapshot, tmp_path):
    to = tmp_path / "fit"
    assert call("fit", snapshot, "--to", to, *settings(epochs=1, learning_rate=1e30)).exit_code == 1
    assert call("fit", snapshot, "--to", to, *settings(epochs=1, learning_rate=1e30)).exit_code == 1
    starts = json.loads((to / "environment.json").read_bytes())["starts"]
    assert len(starts) == 2
    assert starts[0]["packages"]["torch"] == torch.__version__.split("+")[0]
    assert starts[0]["threads"] == 1


def test_the_saved_settings_of_a_run_can_start_another(run, snapshot, tmp_path):
    to = tmp_path / "fit"
    again = call("fit", snapshot, "--to", to, "--config", run / "config.json", "--set", "epochs=1", "--json")
    assert again.exit_code == 0
    first, second = (json.loads((folder / "config.json").read_bytes())["config"] for folder in (run, to))
    assert {key for key in first if first[key] != second[key]} == {"epochs"}


@pytest.mark.parametrize(
    "arguments",
    [("--preset", "luck"), ("--set", "luck=1"), ("--set", "epochs"), ("--set", "attributes=luck")],
)
def test_wrong_settings_are_refused(arguments, snapshot, tmp_path):
    result = call("fit", snapshot, "--to", tmp_path / "fit", *settings(), *arguments)
    assert result.exit_code in {1, 2}
    assert "luck" in result.stderr or "epochs" in result.stderr


def test_only_the_named_attributes_are_learned(snapshot, tmp_path):
    named = settings(attributes="mark", epochs=1, tensorboard="false")
    result = call("fit", snapshot, "--to", tmp_path / "fit", *named, "--json")
    assert set(json.loads(result.stdout)["val"]) == {"mark"}


def test_only_the_best_checkpoints_are_kept(run):
    rows = rows_of(run / "metrics.csv")
    ranked = sorted(rows, key=lambda row: -float(row["val_balanced_accuracy"]))
    kept = {file.stem for file in (run / "checkpoints").glob("top-*.json")}
    assert kept == {f"top-{row['epoch']}" for row in ranked[:2]}
    assert load_checkpoint(run / "checkpoints", f"top-{ranked[0]['epoch']}")[1]["epoch"] == int(
        ranked[0]["epoch"]
    )


def test_the_log_and_tensorboard_have_the_accuracy_of_every_attribute(run):
    rows = rows_of(run / "metrics.csv")
    for name in ("colour", "mark"):
        assert 0 <= float(rows[0][f"train_accuracy:{name}"]) <= 1
        assert rows[-1][f"val_accuracy:{name}"]
    assert float(rows[-1]["val_loss"]) > 0
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard")).Reload()
    written = [event.value for event in events.Scalars("train_accuracy/colour")]
    assert written == pytest.approx([float(row["train_accuracy:colour"]) for row in rows], abs=1e-5)


def test_a_run_saves_its_measured_precision(run):
    measured = json.loads((run / "precision.json").read_bytes())
    assert measured["precision"] in {"float32", "bfloat16"}
    assert set(measured["seconds of a step"]) == {"float32", "bfloat16"}


def test_a_repeated_evaluation_writes_the_same_bytes(run, snapshot, tmp_path):
    for name in ("a", "b"):
        result = call("evaluate", run / "model", snapshot, "--to", tmp_path / name, "--json")
        assert result.exit_code == 0
        assert "was trained on" not in result.stderr
    assert (tmp_path / "a/evaluation.json").read_bytes() == (tmp_path / "b/evaluation.json").read_bytes()
    metrics = json.loads(result.stdout)["metrics"]
    assert metrics["colour"]["val"]["balanced"]["balanced_accuracy_interval"]
    assert set(metrics["colour"]) == {"train", "val", "test"}


def test_evaluation_on_another_snapshot_prints_a_warning(run, tmp_path):
    draw_snapshot(tmp_path / "other", shift=1)
    result = call("evaluate", run / "model", tmp_path / "other", "--json")
    assert result.exit_code == 0
    assert "The model was trained on the snapshot" in result.stderr


def test_the_report_is_one_page_with_everything_in_it(run, snapshot, tmp_path):
    assert call("report", run, snapshot, "--to", tmp_path).exit_code == 0
    html = (tmp_path / "report.html").read_text()
    for heading in (
        "Metrics",
        "Training",
        "Confusion",
        "Calibration",
        "Hard cases",
        "Faces",
        "Dataset",
        "Settings",
    ):
        assert f"<h2>{heading}</h2>" in html
    for title in ("Correct, a random sample", "Most uncertain"):
        assert f"<h3>{title}</h3>" in html
    assert "<td>learning_rate</td><td>0.005</td>" in html, "settings that differ from the defaults are listed"
    assert f"<td>torch</td><td>{torch.__version__.split('+')[0]}</td>" in html
    assert html.count("data:image/jpeg;base64,") > 10
    assert 'src="http' not in html
    assert "<script" not in html
    assert json.loads((tmp_path / "evaluation.json").read_bytes())["mark"]["val"]["images"] > 0


def test_every_chart_of_a_report_is_there_as_png_and_json(run, snapshot, tmp_path):
    assert call("report", run, snapshot, "--to", tmp_path).exit_code == 0
    charts = {file.stem for file in (tmp_path / "figures").glob("*.png")}
    assert charts | {"faces"} == {file.stem for file in (tmp_path / "figures").glob("*.json")}
    of_each = [f"{kind}-mark" for kind in ("accuracy", "confusion", "reliability", "labels")]
    assert charts >= {"loss", "learning-rate", "labels-never", "confusion-mark-train", *of_each}
    with Image.open(tmp_path / "figures/loss.png") as picture:
        seen = {colour for _, colour in picture.getcolors(2**24)}
    assert {(0, 114, 178), (213, 94, 0)} <= seen, "both lines are drawn in their colours"
    folder = tmp_path / "figures"
    loss = json.loads((folder / "loss.json").read_bytes())["lines"]
    assert [value for _, value in loss["train"]] == [
        float(row["loss"]) for row in rows_of(run / "metrics.csv")
    ]
    counts = json.loads((folder / "confusion-mark.json").read_bytes())["counts"]
    measured = json.loads((tmp_path / "evaluation.json").read_bytes())["mark"]["val"]
    assert counts == measured["balanced"]["confusion"]


def test_a_report_counts_the_labels_of_every_split_and_shows_both_learning_rates(run, snapshot, tmp_path):
    assert call("report", run, snapshot, "--to", tmp_path).exit_code == 0
    known = Snapshot.open(snapshot)
    bars = json.loads((tmp_path / "figures/labels-mark.json").read_bytes())["bars"]
    labels = known.labels["mark"]
    assert bars["v1"] == {
        split: int(((labels == 1) & (known.splits == split)).sum()) for split in ("train", "val", "test")
    }
    rates = json.loads((tmp_path / "figures/learning-rate.json").read_bytes())["lines"]
    assert set(rates) == {"backbone", "heads"}


def test_the_hard_cases_are_those_that_the_model_is_most_wrong_about(snapshot):
    known = Snapshot.open(snapshot)
    p = {name: np.full((len(known), len(codes)), 0.1) for name, codes in CODES.items() if name != "never"}
    val = np.flatnonzero((known.splits == "val") & (known.labels["colour"] > 0) & (known.labels["mark"] >= 0))
    for name, values in p.items():
        values[np.arange(len(known)), np.maximum(known.labels[name], 0)] = 0.8
    p["colour"][val[2]], p["colour"][val[4]] = [0.6, 0.2, 0.2], [0.98, 0.01, 0.01]
    answers = Answers(p, {}, {}, {"name": "made up"})
    assert hard_rows(known, answers).tolist() == [val[4], val[2]]
    first, second = hard_cases(known, answers, hard_rows(known, answers))
    assert [first.name, second.name] == [known.image_names[val[4]], known.image_names[val[2]]]
    (line,) = first.lines  # right answers are not listed
    assert line.startswith("colour: v0 0.98, is v")


def test_backbone_and_head_rates_are_logged_separately(snapshot, tmp_path):
    result = call(
        "fit", snapshot, "--to", tmp_path / "fit", *settings(epochs=2, head_epochs=1, tensorboard="false")
    )
    assert result.exit_code == 0
    rows = rows_of(tmp_path / "fit/metrics.csv")
    assert [float(row["learning_rate"]) > 0 for row in rows] == [False, True]
    assert all(float(row["head_learning_rate"]) > 0 for row in rows)


def test_a_probe_has_a_report_too(faces, cache, tmp_path):
    assert call("round", faces, "--to", tmp_path / "round", "--cache", cache).exit_code == 0
    assert call("report", tmp_path / "round", faces, "--cache", cache).exit_code == 0
    assert "<h2>Calibration</h2>" in (tmp_path / "round/report/report.html").read_text()


def test_an_image_is_explained(run, snapshot, tmp_path):
    image = snapshot / "images/003.png"
    assert call("explain", run / "model", image, "--to", tmp_path, "--snapshot", snapshot).exit_code == 0
    html = (tmp_path / "explanation.html").read_text()
    assert "Grad-CAM of v" in html
    assert html.count("filter ") == 8
    assert all(f"<h3>{stage} <" in html for stage in ("first", "second"))


def test_the_heat_of_an_answer_is_where_the_mark_is(run, snapshot):
    from trainer.finetune.saved_model import load_model
    from trainer.reports.explanation import grad_cams

    heat, logits = grad_cams(load_model(run / "model"), load_image(snapshot / "images/003.png", 32))
    assert heat["mark"].shape == (32, 32)
    assert 0 <= heat["mark"].min() <= heat["mark"].max() <= 1
    assert logits["colour"].shape == (3,)


def test_image_files_are_answered_and_unreadable_ones_named(run, snapshot, tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    for name in ("000", "001"):
        (folder / f"{name}.png").write_bytes((snapshot / f"images/{name}.png").read_bytes())
    (folder / "bad.png").write_bytes(b"no image")
    (folder / "IMG_1").write_bytes(b"FUJIFILMCCD-RAW 0201")
    (folder / "notes.txt").write_text("no image, and not meant as one")
    result = call("predict-images", run / "model", folder, "--to", tmp_path / "answers.csv")
    assert result.exit_code == 0
    assert "bad.png is not an image that can be read" in result.stderr
    assert "IMG_1 is a camera's raw file" in result.stderr
    assert "notes.txt" not in result.stderr
    rows = rows_of(tmp_path / "answers.csv")
    assert [row["image_name"].rsplit("/", 1)[1] for row in rows] == ["000.png", "001.png"]
    assert all(row["colour"] in {"0", "2", "5"} and 0 <= float(row["p:colour"]) <= 1 for row in rows)


def test_the_learning_rate_test_writes_a_curve_and_suggests_a_rate(run, snapshot, tmp_path):
    result = call("find-rate", snapshot, "--to", tmp_path / "rates", "--steps", 60, *settings(), "--json")
    assert result.exit_code == 0
    suggested = json.loads(result.stdout)["suggested"]
    rows = rows_of(tmp_path / "rates/rates.csv")
    rates = [float(row["rate"]) for row in rows]
    assert rates == sorted(rates)
    assert rates[0] < suggested < rates[-1]
    assert "<svg" in (tmp_path / "rates/rates.html").read_text()
    report = call("report", run, snapshot, "--to", tmp_path / "report", "--rates", tmp_path / "rates")
    assert report.exit_code == 0
    drawn = json.loads((tmp_path / "report/figures/learning-rate-test.json").read_bytes())["lines"]
    assert len(drawn["smoothed"]) == len(rows)
    refused = call("report", run, snapshot, "--to", tmp_path / "other", "--rates", tmp_path)
    assert refused.exit_code == 1
    assert "rates.csv cannot be read" in refused.stderr
    with Image.open(tmp_path / "rates/rates.png") as picture:
        assert picture.width > 700
    assert not (tmp_path / "rates/checkpoints").exists()


def test_a_grid_gives_one_table_and_trains_nothing_twice(snapshot, tmp_path):
    arguments = [
        "compare", snapshot, "--to", tmp_path / "grid", "--models", "small,s0_resnet32,luck", "--preprocess",
        "rescale,samplewise", "--pretrained", "no", *settings(epochs=1, tensorboard="false", keep_top=1), "--json",
    ]  # fmt: skip
    first = call(*arguments)
    assert first.exit_code == 0
    assert "There is no network called 'luck'" in first.stderr
    rows = json.loads(first.stdout)
    assert len(rows) == 6
    done = [row for row in rows if not row["error"]]
    assert len(done) == 4
    assert all(row["parameters"] > 0 and row["milliseconds_per_image"] > 0 for row in done)
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "grid/runs").rglob("model.safetensors")}
    assert len(files) == 4
    again = json.loads(call(*arguments).stdout)
    assert [row for row in again if not row["error"]] == done
    assert {file: file.stat().st_mtime_ns for file in files} == files
    table = rows_of(tmp_path / "grid/comparison.csv")
    assert [row["network"] for row in table] == ["small"] * 2 + ["s0_resnet32"] * 2 + ["luck"] * 2
    measured = done[0]["figures"]["mark"]
    low, high = measured["balanced_accuracy_interval"]
    assert float(table[0]["mark: balanced accuracy, low"]) == low < measured["balanced_accuracy"]
    assert float(table[0]["mark: balanced accuracy, high"]) == high
    assert float(table[0]["mark: accuracy"]) == measured["accuracy"]
    assert (tmp_path / "grid/comparison.md").read_text().count("\n") == 8
    page = (tmp_path / "grid/comparison.html").read_text()
    assert "<button" in page
    assert f"{done[0]['parameters']:,}</td>" in page


def test_a_network_that_fails_in_training_does_not_stop_the_others(snapshot, tmp_path, monkeypatch):
    from tests.support.small_run import Small

    class Broken(Small):
        def map(self, images):
            return super().map(images) @ torch.zeros(3, 3)

    monkeypatch.setitem(networks.BUILDERS, "broken", lambda pretrained, weights: Broken())
    chosen = settings(epochs=1, tensorboard="false", precision="float32")
    result = call(
        "compare", snapshot, "--to", tmp_path, "--models", "broken,small", "--pretrained", "no", *chosen
    )
    assert result.exit_code == 0
    assert "broken-" in result.stderr
    broken, small = rows_of(tmp_path / "comparison.csv")
    assert "size" in broken["error"]
    assert small["error"] == ""
    (run,) = (tmp_path / "runs").glob("broken-*/status.json")
    assert json.loads(run.read_bytes())["state"] == "failed"


def test_a_probe_answers_files_like_a_snapshot_and_can_be_explained(faces, cache, tmp_path):
    assert call("round", faces, "--to", tmp_path / "round", "--cache", cache).exit_code == 0
    model, answers = tmp_path / "round/model", tmp_path / "answers.csv"
    some = sorted((faces / "images").iterdir())[:8]
    assert call("predict-images", model, *some, "--to", answers).exit_code == 0
    expected = ask(model, Snapshot.open(faces), cache, lambda _: None).probabilities["glasses"][:8]
    found = [float(row["p:glasses"]) for row in rows_of(answers)]
    np.testing.assert_allclose(
        found, expected.max(axis=1), atol=5e-3, err_msg="features are kept in half precision"
    )
    assert call("explain", model, faces / "images/0003.png", "--to", tmp_path).exit_code == 0
    assert "Grad-CAM of code" in (tmp_path / "explanation.html").read_text()


def test_an_ensemble_is_refused_with_the_names_of_its_members(tmp_path):
    about = {"files": {}, "format": "facelabel-model", "kind": "ensemble", "version": 1}
    write_manifest(tmp_path / "model.json", about)
    result = call("predict-images", tmp_path, tmp_path, "--to", tmp_path / "answers.csv")
    assert result.exit_code == 1
    assert str(tmp_path / "network") in result.stderr


@pytest.mark.parametrize("loss", ["cross_entropy", "adjusted"])
def test_onnx_gives_the_probabilities_of_the_model(loss, run, snapshot, tmp_path):
    import onnxruntime

    if loss != "cross_entropy":
        run = tmp_path / "run"
        chosen = settings(loss=loss, class_power=0, epochs=1, tensorboard="false", precision="float32")
        assert call("fit", snapshot, "--to", run, *chosen).exit_code == 0
    assert call("export", run / "model", "--to", tmp_path / "onnx").exit_code == 0
    about = json.loads((tmp_path / "onnx/model.json").read_bytes())
    known = Snapshot.open(snapshot)
    model = open_network(run / "model")
    pixels = np.stack([model.load(known.image_path(row), known.landmarks[row]).numpy() for row in range(7)])
    session = onnxruntime.InferenceSession(str(tmp_path / "onnx/model.onnx"))
    found = session.run(None, {"images": pixels})
    expected = ask(run / "model", known, tmp_path, lambda _: None).probabilities
    for entry, p in zip(about["attributes"], found, strict=True):
        np.testing.assert_allclose(p, expected[entry["name"]][:7], atol=1e-4)


def test_loading_a_model_does_not_run_code(run, tmp_path):
    import shutil

    from trainer.finetune.saved_model import load_model
    from trainer.runtime.errors import ModelError
    from trainer.runtime.files import canonical_json, file_entry, sha256_text

    shutil.copytree(run / "model", tmp_path / "model")
    torch.save({"weights": print}, tmp_path / "model/model.safetensors")
    manifest = json.loads((tmp_path / "model/model.json").read_bytes())
    manifest["files"] = {"model.safetensors": file_entry(tmp_path / "model/model.safetensors")}
    del manifest["manifest_hash"]
    manifest["manifest_hash"] = sha256_text(canonical_json(manifest))
    (tmp_path / "model/model.json").write_text(canonical_json(manifest))
    with pytest.raises(ModelError, match="cannot be read"):
        load_model(tmp_path / "model")
