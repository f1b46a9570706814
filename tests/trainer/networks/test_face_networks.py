"""The networks for faces: dlib's network, read without dlib, and its combination with a network for objects."""

import dlib
import numpy as np
import pytest
import torch
from torch.nn import functional

from trainer import networks
from trainer.networks import dlib_face
from trainer.runtime.errors import ChoiceError, WeightsError

LAST_LAYER = bytes([1, 2, 2, 0, 1, 1, 128, 1, 1, 1, 1])
"""The beginning of dlib's tensor of 256 x 128 numbers, which turns the last map into its descriptor."""


def test_the_features_give_dlibs_own_descriptor():
    chip = np.random.default_rng(0).integers(0, 256, (150, 150, 3), dtype=np.uint8)
    file = dlib_face.weights_file()
    theirs = np.array(dlib.face_recognition_model_v1(str(file)).compute_face_descriptor(chip))
    content = file.read_bytes()
    start = content.rindex(LAST_LAYER) + len(LAST_LAYER)
    last = np.frombuffer(content[start : start + 4 * 256 * 128], "<f4").reshape(256, 128)
    network = networks.build("dlib_face", pretrained=True)
    with torch.inference_mode():
        ours = network(network.normalise(torch.from_numpy(chip).permute(2, 0, 1)[None])).numpy() @ last
    np.testing.assert_allclose(ours[0], theirs, atol=1e-5)


def test_a_damaged_weights_file_is_refused(tmp_path):
    (tmp_path / "other.dat").write_bytes(dlib_face.weights_file().read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="weights of dlib cannot be used"):
        networks.build("dlib_face", pretrained=True, weights=tmp_path / "other.dat")
    with pytest.raises(ChoiceError, match="two networks"):
        networks.build("faces", pretrained=True, weights=tmp_path / "other.dat")


def test_faces_combines_the_maps_of_its_two_networks():
    pixels = torch.randint(
        0, 256, (2, 3, 192, 192), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    both, people, objects = (
        networks.build(name, pretrained=True) for name in ("faces", "dlib_face", "efficientnet_lite0")
    )
    with torch.inference_mode():
        maps = both.map(both.normalise(pixels))
        face = people.forward_stages(people.normalise(pixels))
        thing = objects.forward_stages(objects.normalise(pixels))
        features = both.pool(maps)
    seen = [thing["stage5"], thing["stage6"], face["stage3"], face["stage4"]]
    apart = torch.cat([functional.adaptive_avg_pool2d(part, 4) for part in seen], dim=1)
    torch.testing.assert_close(maps, apart, atol=1e-4, rtol=1e-4)
    assert features.shape == (2, both.feature_size)
    torch.testing.assert_close(features[:, -1], maps[:, -1, 2:, 2:].mean(dim=(1, 2)))
