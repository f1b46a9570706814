"""Tables as spreadsheets write them: separators, title lines, encodings, gzip, workbooks, and settings from editors."""

import codecs
import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlwt
from pyxlsbwriter import XlsbWriter

from annotator.errors import FacelabelError
from annotator.formats.tables import table_rows
from annotator.formats.tables.workbook import read_workbook
from annotator.project import ProjectFolder
from annotator.services.projects import init_project
from tests.support.commands import call, contents
from tests.support.projects.importing import run_import
from tests.support.projects.schemas import DEFAULT_SCHEMA

TWO = {"glasses": {"sunglasses": 1, "none": 1}}
PLAIN = "image_name,glasses\n0001.jpg,2\n0002.jpg,0\n"


def labels(project: ProjectFolder, table: Path, *arguments: object) -> dict:
    return run_import(project, table, *arguments)[str(table)]["labels"]


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"sep=;\r\nimage_name;glasses\r\n0001.jpg;2\r\n0002.jpg;0\r\n", "separated by semicolons"),
        (b'"sep=,"\nimage_name,glasses\n0001.jpg,2\n0002.jpg,0\n', ""),
        (b"Our photos; 2026\n\nimage_name,glasses\n0001.jpg,2\n0002.jpg,0\n", "1 line above its header ignored"),
        (b"Report,,\nof Ada,,\nimage_name,glasses,\n0001.jpg,2,\n0002.jpg,0,\n", "2 lines above its header"),
        (codecs.BOM_UTF8 * 2 + PLAIN.encode(), ""),
        (PLAIN.encode("utf-16-le"), "it is UTF-16"),
        (PLAIN.encode("utf-16-be"), "it is UTF-16"),
        (PLAIN.encode("utf-16"), "it is UTF-16"),
        (b" Image_Name , GLASSES \n 0001.jpg , 2 \n0002.jpg,0\n,\n , \n", ""),
        (b"File Name,Glasses,,\n0001.jpg,2,,\n0002.jpg,0,,\n,,,\n", ""),
        (b"image_name,glasses\n\n0001.jpg,2\n0002.jpg,0,,\n", ""),
        (b"image_name\tglasses\tnote\r0001.jpg\t2\ta,b,c,d\r0002.jpg\t0\te,f,g\r", "separated by tabs"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_writes_is_read(filled: ProjectFolder, tmp_path: Path, content: bytes, note: str):
    table = tmp_path / "labels.csv"
    table.write_bytes(content)
    report = labels(filled, table)
    assert (report["values"], report["absent"]) == (TWO, 0)
    assert any(note in told for told in report["notes"]) or not note


@pytest.mark.parametrize(
    ("page", "names", "title"),
    [
        ("cp1252", ["Zo\u00eb", "h\u00e2l\u00e9"], "Windows-1252"),
        ("cp850", ["Zo\u00eb", "h\u00e2l\u00e9"], "cp850"),
        ("cp932", ["\u9ed2\u9aea", "\u8336\u8272"], "cp932"),
        (
            "cp1251",
            ["\u0447\u0451\u0440\u043d\u044b\u0439", "\u0440\u0443\u0441\u044b\u0439"],
            "Windows-1251",
        ),
    ],
)
def test_a_code_page_is_told_by_the_names_of_the_schema(
    faces: Path, tmp_path: Path, page: str, names: list[str], title: str
):
    values = ", ".join(f'{{ code = {code}, name = "{name}" }}' for code, name in enumerate(names))
    schema = f'version = 1\n[[attribute]]\nname = "teint"\nkey = "t"\nvalues = [{values}]\n'
    (tmp_path / "s.toml").write_text(schema, encoding="utf-8")
    project = init_project(tmp_path / "p", tmp_path / "s.toml")
    call("import", faces / "0001.jpg", faces / "0002.jpg", "-p", project.path).assert_done()
    table = tmp_path / "t.csv"
    table.write_bytes(f"image_name,teint\n0001.jpg,{names[0]}\n0002.jpg,{names[1]}\n".encode(page))
    report = labels(project, table, "--dry-run")
    assert report["values"] == {"teint": {names[0]: 1, names[1]: 1}}
    assert any(f"was read as {title}" in note and "encoding =" in note for note in report["notes"])
    (tmp_path / "map.toml").write_text(f'encoding = "{page}"\n')
    assert labels(project, table, "--map", tmp_path / "map.toml")["notes"] == []
    project.database.close()


def test_a_wrong_encoding_in_a_mapping_is_refused(filled: ProjectFolder, tmp_path: Path):
    table, mapping = tmp_path / "labels.csv", tmp_path / "map.toml"
    table.write_bytes("image_name,glasses\nZo\u00eb.jpg,2\n".encode("cp1252"))
    mapping.write_text('encoding = "utf-8"\n')
    call("import", table, "--map", mapping, "-p", filled.path).assert_refused(
        1, "it is not utf-8, which the mapping names"
    )
    mapping.write_text('encoding = "klingon"\n')
    call("import", table, "--map", mapping, "-p", filled.path).assert_refused(
        1, "'klingon' is not an encoding"
    )


def test_a_table_in_gzip_is_read_and_its_size_is_limited(
    filled: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    table = tmp_path / "labels.csv.gz"
    table.write_bytes(gzip.compress(PLAIN.encode()))
    assert labels(filled, table)["values"] == TWO
    table.write_bytes(gzip.compress(PLAIN.encode())[:-9])
    call("import", table, "-p", filled.path).assert_refused(1, "it is not a whole gzip file")
    monkeypatch.setattr(table_rows, "MAX_FILE_BYTES", 2**20)
    table.write_bytes(gzip.compress(PLAIN.encode() + bytes(2**21)))
    call("import", table, "-p", filled.path).assert_refused(1, "more than 1 MiB come out of it")


def make_xlsx(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    """A workbook with inline texts, numbers and booleans; a (number,) is a date."""

    def cell(value: object) -> str:
        if isinstance(value, bool):
            return f'<c t="b"><v>{int(value)}</v></c>'
        if isinstance(value, tuple):
            return f'<c s="1"><v>{value[0]}</v></c>'
        if isinstance(value, int | float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>' if value else "<c/>"

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    content = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1))
    related = "".join(
        f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    styles = (
        f'<styleSheet xmlns="{main}"><fonts><font/></fonts><fills><fill/></fills><borders><border/></borders>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="{content}.worksheet+xml"/>'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{content}.sheet.main+xml"/></Types>',
        )
        file.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>',
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships">{related}'
            f'<Relationship Id="rs" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        )
        file.writestr("xl/styles.xml", styles)
        for number, rows in enumerate(sheets.values(), 1):
            body = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
            file.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
            )
    return path


def make_ods(path: Path, rows: list[list[object]]) -> Path:
    """An OpenDocument sheet of texts and numbers."""

    def cell(value: object) -> str:
        if isinstance(value, int | float):
            return f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>{value}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'

    names = {
        name: f"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0" for name in ("office", "table", "text")
    }
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in names.items())
    body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        file.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{manifest}"/>')
        file.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="One">{body}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def test_a_workbook_is_read_from_the_sheet_with_the_images(filled: ProjectFolder, tmp_path: Path):
    rows = [["Our photos"], [], ["Image_Name", "glasses", "wrinkles", "identity"],
            ["0001.jpg", 2, True, 17], ["0002.jpg", 0, False, "ann"]]  # fmt: skip
    book = make_xlsx(tmp_path / "labels.xlsx", {"notes": [["hello", "there"]], "data": rows})
    report = labels(filled, book)
    assert report["values"] == TWO | {"wrinkles": {"yes": 1, "no": 1}, "identity": {"17": 1, "ann": 1}}
    assert any("its sheet 'data' was read, and not 'notes'" in note for note in report["notes"])


def test_an_opendocument_sheet_is_read(filled: ProjectFolder, tmp_path: Path):
    book = make_ods(tmp_path / "labels.ods", [["file", "glasses"], ["0001.jpg", 2], ["0002.jpg", 0.0]])
    assert labels(filled, book)["values"] == TWO


def make_xls(path: Path, rows: list[list[object]]) -> Path:
    """A workbook of Excel 97 to 2003."""
    book = xlwt.Workbook(encoding="utf-8")
    book.add_sheet("notes").write(0, 0, "hello")
    sheet = book.add_sheet("data")
    for number, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write(number, column, cell)
    book.save(str(path))
    return path


def make_xlsb(path: Path, rows: list[list[object]]) -> Path:
    """A binary workbook of Excel 2007."""
    with XlsbWriter(str(path)) as book:
        book.add_sheet("notes")
        book.write_sheet([["hello", "there"]])
        book.add_sheet("data")
        book.write_sheet(rows)
    return path


@pytest.mark.parametrize(("make", "ending"), [(make_xls, "xls"), (make_xlsb, "xlsb")])
def test_old_and_binary_workbooks_are_read(
    filled: ProjectFolder, tmp_path: Path, make: Callable[[Path, list[list[object]]], Path], ending: str
):
    rows: list[list[object]] = [["file", "glasses", "no\u00ebl"], ["0001.jpg", 2, "x"], ["0002.jpg", 0.0, ""]]
    report = labels(filled, make(tmp_path / f"labels.{ending}", rows))
    assert (report["values"], report["left_aside"]) == (TWO, ["no\u00ebl"])
    assert report["notes"] == ["its sheet 'data' was read, and not 'notes'"]
    damaged = tmp_path / f"damaged.{ending}"
    damaged.write_bytes((tmp_path / f"labels.{ending}").read_bytes()[:600])
    call("import", damaged, "-p", filled.path).assert_refused(1, "cannot be read as a workbook")


def test_a_date_in_a_workbook_is_an_unknown_value_with_its_row(filled: ProjectFolder, tmp_path: Path):
    book = make_xlsx(tmp_path / "labels.xlsx", {"data": [["image_name", "glasses"], ["0001.jpg", (46118,)]]})
    call("import", book, "-p", filled.path).assert_refused(1, "row 2: glasses has no value '2026-04-06'")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no workbook", "cannot be read as a workbook"),
        (b"PK\3\4" + bytes(99), "cannot be read as a workbook"),
    ],
)
def test_a_file_that_is_no_workbook_is_refused(
    filled: ProjectFolder, tmp_path: Path, content: bytes, told: str
):
    (tmp_path / "labels.xlsx").write_bytes(content)
    before = contents(filled.path)
    call("import", tmp_path / "labels.xlsx", "-p", filled.path).assert_refused(
        1, told, "save the sheet as CSV"
    )
    assert contents(filled.path) == before


def test_a_workbook_that_is_called_a_csv_is_named_as_what_it_is(filled: ProjectFolder, tmp_path: Path):
    book = make_xlsx(tmp_path / "labels.xlsx", {"data": [["image_name", "glasses"], ["0001.jpg", 2]]})
    book.rename(tmp_path / "labels.csv")
    call("import", tmp_path / "labels.csv", "-p", filled.path).assert_refused(
        1, "it is a workbook (.xlsx)", "Give its name the ending .xlsx, or save the sheet as CSV."
    )


def test_a_workbook_with_a_cell_at_its_far_corner_exhausts_nothing(filled: ProjectFolder, tmp_path: Path):
    book = make_xlsx(tmp_path / "labels.xlsx", {"data": [["image_name", "glasses"], ["0001.jpg", 2]]})
    far = tmp_path / "far.xlsx"
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(far, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, text.replace(b"<row><c><v>", b"<row><c><v>") if "sheet1" not in name else text.replace(
                b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'))  # fmt: skip
    call("import", far, "-p", filled.path).assert_refused(1, "cannot be read as a workbook")


def test_a_workbook_may_hold_so_many_cells_in_all_its_sheets(tmp_path: Path):
    book = make_xlsx(tmp_path / "a.xlsx", {"small": [["a"]], "large": [["a"]]})
    far = tmp_path / "far.xlsx"
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(far, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            row = b'<row r="1048576"><c r="J1048576"><v>1</v></c></row></sheetData>'
            text = old.read(name)
            new.writestr(name, text.replace(b"</sheetData>", row) if "sheet2" in name else text)
    with pytest.raises(FacelabelError, match="more than 10 million cells"):
        read_workbook(far)
    assert [sheet.name for sheet in read_workbook(book)] == ["small", "large"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_schema_and_a_mapping_from_a_windows_editor_are_read(faces: Path, tmp_path: Path, encoding: str):
    schema = tmp_path / "s.toml"
    schema.write_bytes(DEFAULT_SCHEMA.replace("\n", "\r\n").encode(encoding))
    call("init", "--schema", schema, "-p", tmp_path / "p").assert_done()
    call("import", faces / "0001.jpg", "-p", tmp_path / "p").assert_done()
    (tmp_path / "p" / "attributes.toml").write_bytes(schema.read_bytes())
    assert "Nothing would change" in call("schema", "check", "-p", tmp_path / "p").out
    mapping = tmp_path / "map.toml"
    text = 'image = "pic"\r\n[columns.brille]\r\nattribute = "glasses"\r\nvalues = { ja = "glasses" }\r\n'
    mapping.write_bytes(text.encode(encoding))
    (tmp_path / "t.csv").write_text("Pic,Brille\n0001.jpg,JA\n")
    report = labels(ProjectFolder.open(tmp_path / "p"), tmp_path / "t.csv", "--map", mapping)
    assert report["values"] == {"glasses": {"glasses": 1}}


def test_a_schema_that_is_no_text_is_refused(tmp_path: Path):
    (tmp_path / "s.toml").write_bytes(b"\xff\xfe\x00")
    finished = call("init", "--schema", tmp_path / "s.toml", "-p", tmp_path / "p")
    finished.assert_refused(1, "s.toml cannot be read", "Give the path of a readable attributes.toml.")
