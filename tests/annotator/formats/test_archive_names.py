"""The names of an archive's members: any language, any machine, and none that leads out of the archive."""

import io
import json
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from annotator.errors import FacelabelError
from annotator.formats.importers.archives.code_pages import guess_code_page
from annotator.formats.importers.archives.members import read_members
from annotator.formats.importers.archives.names import NameDecoder, bad_name, posix_name
from annotator.formats.importers.archives.unpacking import ArchiveLimits, Extraction, unpack
from annotator.project import ProjectFolder
from tests.support.commands import call
from tests.support.projects.importing import groups_by_name, run_import

LIMITS = ArchiveLimits()


class LocalName(zipfile.ZipInfo):
    """A member whose name is in a code page that the archive does not name, as Windows writes it."""

    encoding = "utf-8"

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode(self.encoding), self.flag_bits & ~0x800


def png(number: int) -> bytes:
    """A picture of one colour, another one for each number."""
    file = io.BytesIO()
    Image.new("RGB", (32, 40), (number, 255 - number, 90)).save(file, "PNG")
    return file.getvalue()


def write_zip(path: Path, names: list[str], encoding: str | None = None) -> Path:
    """Write a zip of pictures; with an encoding, the names are in it and not declared."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            member = zipfile.ZipInfo("placeholder") if encoding is None else LocalName("placeholder")
            member.filename = name
            if isinstance(member, LocalName):
                member.encoding = encoding or ""
            archive.writestr(member, png(number))
    return path


def imported_names(project: ProjectFolder, *arguments: object) -> tuple[set[str], dict]:
    report = run_import(project, *arguments)
    [one] = report.values()
    return set(groups_by_name(project)), one


PHONE_NAMES = [
    "Bildschirmfoto 2025-02-03 um 11.12.13\u202fPM.png",
    "Zrzut\u00a0ekranu 7.png",
    "\u6821\u5ead\u3000\u4e8c.png",
    "\U0001f469\u200d\U0001f467\ufe0f.png",
    "\u200e\u0635\u0648\u0631\u0629\u200f 1.png",
    "soft\u00adhyphen.png",
]


def test_names_with_any_spaces_emoji_and_direction_marks_come_in(
    project: ProjectFolder, tmp_path: Path
) -> None:
    names, report = imported_names(project, write_zip(tmp_path / "phone.zip", PHONE_NAMES))
    assert names == set(PHONE_NAMES)
    assert report["images"]["refused"] == []


def test_names_with_control_characters_are_refused_by_name(project: ProjectFolder, tmp_path: Path) -> None:
    names, report = imported_names(
        project, write_zip(tmp_path / "odd.zip", ["a\u0007b.png", "c\u0085d.png", "e.png"])
    )
    assert names == {"e.png"}
    assert {reason for _, reason in report["images"]["refused"]} == {"has a name with control characters"}


def test_backslashes_are_folders(project: ProjectFolder, tmp_path: Path) -> None:
    packed = write_zip(tmp_path / "windows.zip", [r"set\anna\1.png", r"set\anna\2.png", r"set\ben\1.png"])
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("set\\empty\\", b"")
    names, report = imported_names(project, packed)
    assert names == {"anna/1.png", "anna/2.png", "ben/1.png"}
    assert report["images"]["refused"] == []


@pytest.mark.parametrize(
    "name", ["..\\up.png", "a\\..\\..\\up.png", "C:\\up.png", "\\\\server\\up.png", "\\up.png"]
)
def test_backslashes_lead_nowhere_else(name: str) -> None:
    assert bad_name(posix_name(name)).startswith("has a path that leaves the archive, or may leave it")


CODE_PAGES = [
    ("cp850", ["Inês.png", "Bjørn.png"]),
    ("cp850", ["Straße.png", "François.png", "niño.png"]),
    ("cp437", ["Müller.png", "Zoë.png"]),
    ("cp852", ["Ondřej Dvořák.png", "Paweł.png"]),
    ("cp866", ["Новая папка/снимок.png", "Ольга.png"]),
    ("cp1251", ["Новая папка/снимок.png", "Ольга.png"]),
    ("cp1252", ["Inês.png", "Bjørn.png"]),
    ("cp932", ["写真.png", "能登.png", "さくら ソフィア.png"]),
    ("cp936", ["张三.png", "新建文件夹/照片.png"]),
    ("cp949", ["이영희.png", "새 폴더/사진.png"]),
    ("cp950", ["林大明.png", "新增資料夾/照片.png"]),
    ("cp737", ["Ελένη.png", "Γιώργος.png"]),
    ("cp857", ["Ayşe Yıldız.png", "Çağrı.png"]),
    ("cp862", ["תמונה.png", "אברהם.png"]),
    ("cp1256", ["صورة.png", "أحمد.png"]),
    ("cp874", ["รูปภาพ.png", "สมชาย.png"]),
    ("utf-8", ["Zoë.png", "写真.png", "Ольга.png"]),
]


@pytest.mark.parametrize(("encoding", "names"), CODE_PAGES)
def test_undeclared_code_pages_are_guessed(encoding: str, names: list[str]) -> None:
    raw = [name.encode(encoding) for name in names]
    assert [name.decode(guess_code_page(raw)) for name in raw] == names


@pytest.mark.parametrize(
    ("encoding", "names"), [CODE_PAGES[0], CODE_PAGES[7], ("cp932", ["表.png", "ソ.png"])]
)
def test_a_guessed_code_page_is_told_and_labels_find_the_names(
    project: ProjectFolder, tmp_path: Path, encoding: str, names: list[str]
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("image_name,glasses\n" + "".join(f"{name},1\n" for name in names))
    found, report = imported_names(project, write_zip(tmp_path / "local.zip", names, encoding))
    assert found == set(names)
    [note] = report["notes"]
    assert f"were read as {encoding}, such as {names[0]}" in note
    labels = run_import(project, table)[str(table)]["labels"]
    assert (labels["added"], labels["absent"]) == (len(names), 0)


def test_the_code_page_can_be_chosen(project: ProjectFolder, tmp_path: Path) -> None:
    packed = write_zip(tmp_path / "local.zip", ["Kateřina.png", "ASCII.png"], "cp1250")
    found, report = imported_names(project, packed, "--names-encoding", "cp1250")
    assert (found, report["notes"]) == ({"Kateřina.png", "ASCII.png"}, [])


def test_a_name_that_the_chosen_code_page_does_not_have_is_refused(
    project: ProjectFolder, tmp_path: Path
) -> None:
    packed = write_zip(tmp_path / "local.zip", ["Zoë.png", "a.png"], "cp1252")
    finished = call("import", packed, "--names-encoding", "utf-8", "-p", project.path)
    finished.assert_done()
    assert "has a name that is not in the archive's encoding; choose it with --names-encoding" in finished.err
    assert "1 image imported" in finished.out


def test_the_unicode_name_beside_a_local_one_counts(project: ProjectFolder, tmp_path: Path) -> None:
    """Info-ZIP and 7-Zip write the name in UTF-8 in an extra field."""
    local, name = b"Zo?.png".replace(b"?", b"\x89"), "Zoë.png"
    content = b"\1" + struct.pack("<I", zlib.crc32(local)) + name.encode()
    member = LocalName("placeholder")
    member.filename, member.encoding = local.decode("cp437"), "cp437"
    member.extra = struct.pack("<HH", 0x7075, len(content)) + content
    with zipfile.ZipFile(tmp_path / "info.zip", "w") as archive:
        archive.writestr(member, png(1))
    found, report = imported_names(project, tmp_path / "info.zip")
    assert (found, report["notes"]) == ({name}, [])


def test_a_tar_with_names_of_another_encoding(project: ProjectFolder, tmp_path: Path) -> None:
    names = ["plain.png", "Ольга.png", "Новая/снимок.png"]
    with tarfile.open(
        tmp_path / "old.tar.gz", "w:gz", format=tarfile.GNU_FORMAT, encoding="cp1251"
    ) as archive:
        for number, name in enumerate(names):
            member = tarfile.TarInfo(name)
            member.size = len(png(number))
            archive.addfile(member, io.BytesIO(png(number)))
    found, report = imported_names(project, tmp_path / "old.tar.gz")
    assert found == set(names)
    assert "were read as cp1251" in report["notes"][0]


def test_names_that_differ_in_case_are_both_kept(project: ProjectFolder, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("image_name,glasses\nDSC1.PNG,1\ndsc1.png,2\n")
    names = ["DSC1.PNG", "dsc1.png", "Anna/1.png", "anna/1.png"]
    found, _ = imported_names(project, write_zip(tmp_path / "case.zip", names))
    assert found == set(names)
    assert run_import(project, table)[str(table)]["labels"]["added"] == 2


def test_a_file_system_without_case_keeps_both_too(tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    packed = write_zip(tmp_path / "case.zip", ["a/DSC1.PNG", "a/dsc1.png", "A/Dsc1.png"])
    extraction = Extraction(packed, folder, LIMITS, is_case_sensitive=False)
    for number, member in enumerate(read_members(packed), start=1):
        extraction.take(number, NameDecoder().decode(member.name) or "", member)
    written = {path.relative_to(folder).as_posix().casefold() for path in folder.rglob("*") if path.is_file()}
    assert written == {"a/dsc1.png", "a/~2.png", "a/~3.png"}
    assert extraction.result.renamed == {"a/~2.png": "a/dsc1.png", "a/~3.png": "A/Dsc1.png"}


def test_the_same_name_twice_is_refused(project: ProjectFolder, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        packed = write_zip(tmp_path / "twice.zip", ["a.png", "a.png"])
    found, report = imported_names(project, packed)
    assert (found, report["images"]["refused"]) == ({"a.png"}, [["a.png", "is in the archive twice"]])


def test_what_macos_adds_is_ignored_and_counted(tmp_path: Path) -> None:
    names = ["a.png", "__MACOSX/._a.png", "._b.png", ".DS_Store"]
    folder = tmp_path / "unpacked"
    folder.mkdir()
    members = unpack(write_zip(tmp_path / "mac.zip", names), folder, LIMITS)
    assert members.ignored.counts == {"files in __MACOSX": 1, "._ files of macOS": 1, ".DS_Store files": 1}
    assert [path.name for path in folder.iterdir()] == ["a.png"]


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_images_with_other_endings_are_taken_by_content(
    project: ProjectFolder, tmp_path: Path, ending: str
) -> None:
    members = {
        "photo": png(1),
        "photo.dat": png(2),
        "notes.docx": b"text",
        "empty.bin": b"",
        "a.mp4": b"film",
    }
    packed = tmp_path / f"mixed.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(packed, "w:gz") as tar:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    found, report = imported_names(project, packed)
    assert found == {"photo", "photo.dat"}
    assert report["images"]["ignored"] == {".docx files": 1, ".bin files": 1, "videos": 1}
    assert report["images"]["refused"] == []


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("photos.7z", b"7z\xbc\xaf\x27\x1c" + bytes(90), "a 7z archive"),
        ("photos.rar", b"Rar!\x1a\x07\x01\0" + bytes(90), "a RAR archive"),
        ("called.zip", b"Rar!\x1a\x07\0" + bytes(90), "a RAR archive"),
        ("called.tar.gz", b"\x28\xb5\x2f\xfd" + bytes(90), "a file packed with Zstandard"),
    ],
)
def test_archives_that_are_not_read_are_named(
    project: ProjectFolder, tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    call("import", tmp_path / name, "-p", project.path).assert_refused(
        2, f"{name} is {kind}, which is not read.", "Unpack it and import the folder"
    )


def test_a_zip_that_is_called_tar_is_read(project: ProjectFolder, tmp_path: Path) -> None:
    assert imported_names(project, write_zip(tmp_path / "wrong.tar", ["a.png"]))[0] == {"a.png"}


def test_no_name_leaves_the_folder_in_any_code_page(tmp_path: Path) -> None:
    """Bytes that are a slash or two points only after decoding are checked after decoding."""
    for encoding in ("cp932", "cp850", "utf-8"):
        packed = write_zip(tmp_path / f"{encoding}.zip", ["é/../../up.png", "..\\é.png", "/é.png"], None)
        folder = tmp_path / encoding
        folder.mkdir()
        members = unpack(packed, folder, LIMITS, names_encoding=encoding)
        assert len(members.refused) == 3
        assert not list(folder.rglob("*"))
    assert json.dumps(members.refused)


def test_an_archive_with_too_many_members_is_refused(tmp_path: Path) -> None:
    packed = write_zip(tmp_path / "many.zip", ["a.png", "b.png", "c.png"])
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(FacelabelError, match="more than 2 members"):
        unpack(packed, tmp_path / "unpacked", ArchiveLimits(members=2))
