"""Perceptual hashes, and pairs of images that are nearly equal."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from annotator.domain.grouping.near_duplicates import MAX_DISTANCE, connected, near_pairs
from annotator.imaging.perceptual_hash import perceptual_hash

WORDS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=0, max_size=40)


def bits_apart(a: int, b: int) -> int:
    return ((a ^ b) & (2**64 - 1)).bit_count()


@settings(max_examples=60, deadline=None)
@given(
    words=WORDS,
    flips=st.lists(st.tuples(st.integers(0, 39), st.sets(st.integers(0, 63), max_size=9)), max_size=20),
)
def test_exactly_the_pairs_within_the_distance_are_found(words: list[int], flips: list[tuple[int, set[int]]]):
    for place, bits in flips:
        if place < len(words):
            flipped = (words[place] & (2**64 - 1)) ^ sum(1 << bit for bit in bits)
            words.append(flipped - 2**64 if flipped >= 2**63 else flipped)
    found = {tuple(pair) for pair in near_pairs(np.array(words, np.int64)).tolist()}
    assert found == {
        (i, j)
        for i in range(len(words))
        for j in range(i + 1, len(words))
        if bits_apart(words[i], words[j]) <= MAX_DISTANCE
    }


@given(
    st.integers(1, 30).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    )
)
def test_exactly_the_joined_images_form_a_set(drawn: tuple[int, list[tuple[int, int]]]):
    count, pairs = drawn
    sets = [{i} for i in range(count)]
    for a, b in pairs:
        if sets[a] is not sets[b]:
            sets[a] |= sets[b]
            for member in list(sets[b]):
                sets[member] = sets[a]
    found = connected(np.array(pairs, np.int64).reshape(-1, 2), count)
    assert found.tolist() == [min(members) for members in sets]


def test_many_equal_hashes_form_one_set():
    hashes = np.full(5000, 7, np.int64)
    assert set(connected(near_pairs(hashes), len(hashes)).tolist()) == {0}


def test_a_face_keeps_its_hash_when_recompressed_scaled_and_brightened_and_others_do_not_share_it(
    faces: Path,
):
    pictures = [Image.open(path).convert("RGB") for path in sorted(faces.glob("*.jpg"))[:20]]
    hashes = [perceptual_hash(picture) for picture in pictures]
    for picture, own in zip(pictures, hashes, strict=True):
        packed = io.BytesIO()
        ImageEnhance.Brightness(picture.resize((70, 70))).enhance(1.05).save(packed, "JPEG", quality=60)
        assert bits_apart(perceptual_hash(Image.open(packed)), own) <= MAX_DISTANCE
    apart = [bits_apart(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(apart) > MAX_DISTANCE


@pytest.mark.shared
def test_real_faces_are_told_apart(shared: Path):
    paths = sorted((shared / "celeba" / "images").glob("*.jpg"))[:600]
    hashes = np.array([perceptual_hash(Image.open(path)) for path in paths], np.int64)
    assert len(near_pairs(hashes)) <= 6
