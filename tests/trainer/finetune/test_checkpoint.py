"""Checkpoints are complete even after a kill, and a resumed run ends with the same weights."""

from itertools import count, islice

import numpy as np
import pytest
import torch

from tests.support.killing import Moment, dies, fit_until, save_until
from tests.support.small_run import FROM_PROBE, draw_snapshot
from trainer.finetune.run import fit
from trainer.runtime.errors import ModelError
from trainer.runtime.files import remove_unfinished
from trainer.runtime.tensors import (
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)


def test_there_is_no_checkpoint_before_the_first(tmp_path):
    assert load_checkpoint(tmp_path, "last") is None


def test_a_checkpoint_is_restored_exactly_and_replaces_the_previous_one(tmp_path):
    save_checkpoint(tmp_path, "last", 1, {"a": torch.zeros(3)}, {"epoch": 1})
    tensors = {"a": torch.randn(3), "steps": torch.tensor(7)}
    save_checkpoint(tmp_path, "last", 2, tensors, {"epoch": 2, "loss": 0.1 + 0.2})
    loaded, state = load_checkpoint(tmp_path, "last")
    assert state == {"epoch": 2, "loss": 0.1 + 0.2}
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["last-000000002.safetensors", "last.json"]


def test_tensors_without_a_manifest_are_ignored(tmp_path):
    save_checkpoint(tmp_path, "last", 1, {"a": torch.ones(3)}, {"epoch": 1})
    (tmp_path / "last-000000002.safetensors").write_bytes(b"half written")
    (tmp_path / "last-000000002.safetensors.part").write_bytes(b"half written")
    _, state = load_checkpoint(tmp_path, "last")
    assert state == {"epoch": 1}
    save_checkpoint(tmp_path, "last", 2, {"a": torch.ones(3)}, {"epoch": 2})
    assert load_checkpoint(tmp_path, "last")[1] == {"epoch": 2}


@pytest.mark.parametrize("name", ["last.json", "last-000000001.safetensors"])
def test_a_changed_byte_is_found(tmp_path, name):
    save_checkpoint(tmp_path, "last", 1, {"a": torch.ones(3)}, {"epoch": 1})
    content = bytearray((tmp_path / name).read_bytes())
    content[-3] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=r"changed|cannot be read"):
        load_checkpoint(tmp_path, "last")


def test_a_restored_optimizer_continues_exactly():
    def trained(steps, optimizer=None):
        for step in range(*steps):
            optimizer.zero_grad()
            (model(torch.full((1, 2), step / 3)) ** 2).sum().backward()
            optimizer.step()

    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    trained((0, 3), optimizer)
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    moments = {name: tensor.clone() for name, tensor in optimizer_tensors(optimizer).items()}
    trained((3, 6), optimizer)
    expected = model.weight.detach().clone()
    model.load_state_dict(weights)
    other = torch.optim.AdamW(model.parameters(), lr=0.1)
    restore_optimizer(other, moments)
    trained((3, 6), other)
    assert torch.equal(model.weight, expected)


def test_a_save_killed_at_any_file_event_leaves_the_old_or_the_new_checkpoint(tmp_path):
    save_checkpoint(tmp_path, "last", 0, {"a": torch.zeros(3)}, {"epoch": 0})
    found, left = [], set()
    for events in count():
        finished = not dies(save_until, Moment(events), tmp_path, events + 1)
        tensors, state = load_checkpoint(tmp_path, "last")
        assert tensors["a"].tolist() == [state["epoch"]] * 3
        found.append(state["epoch"] == events + 1)
        left |= {entry.is_dir() for entry in tmp_path.glob(".*")}
        remove_unfinished(tmp_path)
        names = sorted(entry.name for entry in tmp_path.iterdir() if entry.suffix != ".safetensors")
        assert names == ["last.json"], "what a killed save left is removed"
        if finished:
            break
    assert found == sorted(found), "the first events leave the old checkpoint, the last ones the new one"
    assert found[-1]
    assert found.count(False) >= 5
    assert left == {True, False}, "it was killed while it wrote tensors, and while it wrote the manifest"
    assert len(list(tmp_path.glob("last-*"))) == 1, "files of killed saves are removed"


def test_a_run_killed_repeatedly_ends_with_the_weights_of_an_uninterrupted_one(tmp_path, soak):
    """Kill it at 100 random moments, or 10: at file-system events, and by a timer in the middle of anything."""
    folder = tmp_path / "snapshot"
    expected = fit(draw_snapshot(folder), tmp_path / "whole", FROM_PROBE, progress=lambda *_: None).model
    moments, kills = random_moments(), 0
    for trial in count():
        to, place, aims = tmp_path / f"killed {trial}", (0, 0), min(10, (100 if soak else 10) - kills)
        for moment in islice(moments, aims):
            if not dies(fit_until, moment, folder, to, FROM_PROBE):
                break  # the run ended before that moment
            kills += 1
            place = place_of_whole_checkpoints(to, not_before=place)
        assert not dies(fit_until, None, folder, to, FROM_PROBE)
        for name in ("model.safetensors", "model.json"):
            assert (to / "model" / name).read_bytes() == (expected / name).read_bytes()
        left = sorted(str(file.relative_to(to)) for file in to.rglob("*") if file.name.startswith("."))
        assert left == [".lock"], "half-written files are removed"
        if kills == (100 if soak else 10):
            break


def random_moments():
    """Yield file-system events and timer moments in turn, without end."""
    random = np.random.default_rng(11)
    while True:
        yield Moment(int(random.integers(0, 120)))
        yield Moment(int(random.integers(0, 50)), int(random.integers(0, 40_000)))


def place_of_whole_checkpoints(run, *, not_before):
    """Read every checkpoint of a killed run and return how far the run got; a damaged checkpoint raises."""
    place = not_before
    for file in (run / "checkpoints").glob("*.json"):
        _, state = load_checkpoint(file.parent, file.stem)
        if file.stem == "last":
            place = state["epoch"], state["step"]
    assert place >= not_before, "a checkpoint is never replaced by an older one"
    return place
