"""A checkpoint is whole whenever the process is killed, and a resumed run ends with the same weights."""

import os
import signal

import numpy as np
import pytest
import torch

from tests.trainer.small_run import FROM_PROBE, draw_snapshot, fit_and_tell, processes
from trainer.checkpoint import (
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from trainer.errors import ModelError
from trainer.fit import fit


def test_there_is_no_checkpoint_before_the_first(tmp_path):
    assert load_checkpoint(tmp_path, "last") is None


def test_a_checkpoint_comes_back_as_it_was_and_replaces_the_one_before(tmp_path):
    save_checkpoint(tmp_path, "last", 1, {"a": torch.zeros(3)}, {"epoch": 1})
    tensors = {"a": torch.randn(3), "steps": torch.tensor(7)}
    save_checkpoint(tmp_path, "last", 2, tensors, {"epoch": 2, "loss": 0.1 + 0.2})
    loaded, state = load_checkpoint(tmp_path, "last")
    assert state == {"epoch": 2, "loss": 0.1 + 0.2}
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["last-000000002.safetensors", "last.json"]


def test_tensors_that_no_manifest_names_yet_do_not_count(tmp_path):
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


def test_an_optimizer_goes_on_where_it_was():
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


def test_a_run_that_is_killed_again_and_again_ends_with_the_weights_of_one_that_was_not(tmp_path, soak):
    """SIGKILL after a word of progress: while decoding, training, validating or writing a checkpoint."""
    folder = tmp_path / "snapshot"
    expected = fit(draw_snapshot(folder), tmp_path / "whole", FROM_PROBE, progress=lambda *_: None).model
    random = np.random.default_rng(11)
    for trial in range(10 if soak else 1):
        to = tmp_path / f"killed {trial}"
        moments = iter(random.integers(0, 3, 12).tolist() if soak else (0, 1, 2))
        kills = 0
        while not (to / "model/model.json").exists():
            kills += _fit_and_kill(folder, to, steps=next(moments, 99))
        assert kills >= 2
        for name in ("model.safetensors", "model.json"):
            assert (to / "model" / name).read_bytes() == (expected / name).read_bytes()


def _fit_and_kill(snapshot, to, *, steps):
    """Kill a run after some steps (0: while it decodes); return whether it was not done before."""
    here, there = processes().Pipe(duplex=False)
    process = processes().Process(target=fit_and_tell, args=(snapshot, to, FROM_PROBE, there))
    process.start()
    there.close()
    try:
        here.recv()
        while steps:
            steps -= here.recv().startswith("epoch")
    except EOFError:
        process.join()
        return False
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return True
