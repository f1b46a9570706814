"""Which image a name means: by the longest common path, and never an image of that name in another folder."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.services.importing.image_paths import MOST_IMAGES, clean_path, match_names


def found(name: str, *paths: str) -> tuple[int, ...]:
    """The numbers of the paths that a name means, from 0."""
    return match_names([name], [(path, number) for number, path in enumerate(paths)])[name].images


@pytest.mark.parametrize(
    ("name", "paths", "expected"),
    [
        ("val/1.jpg", ["set/train/1.jpg", "set/val/1.jpg"], (1,)),
        ("val/1.jpg", ["train/1.jpg"], ()),
        ("n01/1.jpg", ["faces/n02/1.jpg"], ()),
        ("1.jpg", ["train/1.jpg"], (0,)),
        ("1.jpg", ["train/1.jpg", "val/1.jpg"], (0, 1)),
        ("a/1.jpg", ["train/a/1.jpg", "val/a/1.jpg"], (0, 1)),
        ("/home/me/set/train/1.jpg", ["set/train/1.jpg", "1.jpg"], (0,)),
        ("/home/me/1.jpg", ["1.jpg"], (0,)),
        ("C:\\faces\\train\\1.jpg", ["faces/train/1.jpg", "faces/val/1.jpg"], (0,)),
        ("./train/../val/1.jpg ", ["set/val/1.jpg"], (0,)),
        ("Train/1.JPG", ["set/train/1.jpg"], (0,)),
        ("1.JPG", ["set/1.jpg", "set/1.JPG"], (1,)),
        ("1.Jpg", ["set/1.jpg", "set/1.JPG"], (0, 1)),
        ("train/1", ["set/train/1.png"], (0,)),
        ("1.jpg", ["set/1.png"], (0,)),
        ("1.jpg", ["set/1.png", "set/1.jpg"], (1,)),
        ("1.tar", ["set/1.png"], ()),
        ("11.jpg", ["set/1.jpg"], ()),
        ("who?1.jpg", ["set/who.jpg"], ()),
        ("set/who.jpg?sig=1", ["set/who.jpg"], (0,)),
        ("D:1.jpg", ["set/1.jpg"], ()),
        ("a+b.jpg", ["set/a b.jpg"], ()),
        ("a%2Fb.jpg", ["set/a%2Fb.jpg", "a/b.jpg"], (0,)),
    ],
)
def test_a_path_matches_by_its_end(name: str, paths: list[str], expected: tuple[int, ...]) -> None:
    assert found(name, *paths) == expected


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("https://cdn.example.org/faces/a%23b.jpg?sig=1#top", "faces/a#b.jpg"),
        ("https://cdn.example.org/faces/what%3F.jpg", "faces/what?.jpg"),
        ("s3://bucket/some/faces/eva/3.jpg", "faces/eva/3.jpg"),
        ("s3://bucket/faces/100%.jpg", "faces/100%.jpg"),
        ("https://b.s3.amazonaws.com/faces/a%2Bb.jpg?X-Amz-Signature=a%2Fb%2F1.jpg&x=1", "faces/a+b.jpg"),
        ("file://localhost/faces/e..jpg", "faces/e..jpg"),
        ("\\\\server\\share\\faces\\a+b.jpg", "faces/a+b.jpg"),
        ("/data/local-files/?d=faces/g+h.jpg", "faces/g h.jpg"),
        ("/data/local-files/?d=faces/100%25.jpg", "faces/100%.jpg"),
        ("s3://bucket/faces/a#b.jpg", "faces/a#b.jpg"),
        ("gs://bucket/faces/a.jpg", "faces/a.jpg"),
        ("file:///home/me/faces/a%20b.jpg", "faces/a b.jpg"),
        ("/data/local-files/?d=faces%5Ceva%5C2.jpg", "faces/eva/2.jpg"),
        ("/data/local-files/?d=faces/a%20b.jpg", "faces/a b.jpg"),
        ("/data/upload/1/0a1b2c3d-plain.jpg", "faces/plain.jpg"),
        ("/data/upload/12/0a1b2c3d-Eva_K_1.jpg", "faces/Eva K (1).jpg"),
        ("/data/upload/1/0a1b2c3d-oneil__co.jpg", "faces/o'neil & co.jpg"),
        ("/data/upload/1/0a1b2c3d-%D0%95%D0%B2%D0%B0.jpg", "faces/\u0415\u0432\u0430.jpg"),
        ("0a1b2c3d-plain.jpg", "faces/plain.jpg"),
    ],
)
def test_urls_and_uploads_mean_the_file_behind_them(name: str, path: str) -> None:
    assert found(name, path, "faces/other.jpg") == (0,)


def test_the_prefix_of_an_upload_is_part_of_the_name_if_a_file_has_it() -> None:
    assert found("0a1b2c3d-a.jpg", "faces/a.jpg", "faces/0a1b2c3d-a.jpg") == (1,)


def test_composed_and_decomposed_names_are_equal() -> None:
    decomposed = unicodedata.normalize("NFD", "Zoë/André.png")
    assert found("Zoë/André.png", f"photos/{decomposed}") == (0,)
    assert found(decomposed, "photos/Zoë/André.png") == (0,)
    assert found("Zoë/André.png", "photos/Zoë/André.png", f"photos/{decomposed}") == (0,)


def test_a_name_without_a_match_is_told_with_its_namesakes() -> None:
    match = match_names(["val/1.jpg"], [("train/1.jpg", 0), ("train/2.jpg", 1)])["val/1.jpg"]
    assert (match.images, match.namesakes) == ((), ("train/1.jpg",))


def test_a_hundred_thousand_names_that_differ_only_in_folders_are_matched() -> None:
    known = [(f"set/n{number:06d}/1.jpg", number) for number in range(100_000)]
    matches = match_names([path for path, _ in known], known)
    assert all(matches[path].images == (number,) for path, number in known)


def test_of_many_images_that_match_the_first_are_named() -> None:
    known = [(f"set/n{number:03d}/1.jpg", number) for number in range(100)]
    assert match_names(["1.jpg"], known)["1.jpg"].images == tuple(range(MOST_IMAGES))


def straightforward(name: str, paths: list[str]) -> list[int]:
    """The rule as the documentation says it, for a name that is a path: slow, and without an index."""

    def without_case(path: str) -> str:
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())

    def without_ending(path: str) -> str:
        return without_case(path).removesuffix(".jpg").removesuffix(".png")

    for key in (str, lambda path: unicodedata.normalize("NFC", path), without_case, without_ending):
        whole, others = key(name), list(map(key, paths))
        if longer := [n for n, other in enumerate(others) if f"/{other}".endswith(f"/{whole}")]:
            return longer
        shorter = [other for other in others if f"/{whole}".endswith(f"/{other}")]
        if shorter:
            return [n for n, other in enumerate(others) if other == max(shorter, key=len)]
    return []


alike = st.sampled_from(["a", "A", "b", "\u00e9", "e\u0301", "\u00df", "ss", "K", "\u212a"])
files = st.tuples(alike, st.sampled_from([".jpg", ".JPG", ".png", ""])).map("".join)
like_paths = st.tuples(st.lists(alike, max_size=3), files).map(lambda path: "/".join([*path[0], path[1]]))


@given(like_paths, st.lists(like_paths, min_size=1, max_size=7))
def test_names_are_matched_by_the_rule_that_the_documentation_tells(name: str, paths: list[str]) -> None:
    assert list(found(name, *paths)) == straightforward(name, paths)


parts = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0%?#:"), min_size=1, max_size=6).filter(
    lambda text: text.strip() == text and text not in {".", ".."}
)


@given(
    st.lists(st.lists(parts, min_size=2, max_size=4).map("/".join), min_size=1, max_size=8, unique=True),
    st.data(),
)
def test_a_match_never_contradicts_a_folder(paths: list[str], data: st.DataObject) -> None:
    """Every match agrees with the name in all parts of the shorter of both, but for the ways to write them."""
    target = data.draw(st.sampled_from(paths))
    whole = target.split("/")
    name = "/".join(whole[data.draw(st.integers(0, len(whole) - 1)) :])
    images = found(name, *paths)
    assert paths.index(target) in images
    for image in images:
        assert f"/{paths[image]}".endswith(f"/{name}")


@given(st.text(max_size=30))
def test_any_text_is_read_without_an_error(text: str) -> None:
    match_names([text], [("faces/a.jpg", 1)])
    assert not {"", ".", ".."} & set(clean_path(text).split("/")) or clean_path(text) == ""
