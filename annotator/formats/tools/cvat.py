"""CVAT for images, XML 1.1: a `<tag>` of a whole image, with or without attributes.

`<tag label="face"><attribute name="wrinkles">some</attribute></tag>` answers the attribute `wrinkles`; a tag without
attributes is a label without an attribute. Boxes, polygons and points are ignored and counted. A document type, an entity
or an external reference is refused before it is expanded.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

import defusedxml.sax
from defusedxml import DefusedXmlException

from annotator.domain.schema import CANNOT_TELL_NAME
from annotator.formats.exporters.base import Export, Losses, cannot_say
from annotator.formats.importers.base import SourceAnswer, SourceContents, SourceImage
from annotator.formats.importers.safe_readers import MAX_ITEM, MAX_TEXT, image_name, plain_text, refuse
from annotator.text_encoding import unicode_encoding

LABEL = "face"
_MAX_DEPTH = 20
_CHUNK = 2**16
_SHAPES = frozenset({"box", "polygon", "polyline", "points", "ellipse", "cuboid", "skeleton", "mask"})
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def recognise(path: Path) -> bool:
    """Return whether a file is XML whose first element is `<annotations>`."""
    try:
        with path.open("rb") as file:
            content = file.read(4096)
    except OSError:
        return False
    head = content.decode(unicode_encoding(content), errors="replace").lstrip("\ufeff")
    head = re.sub(r"<\?.*?\?>|<!--.*?-->", "", head, flags=re.DOTALL).lstrip()
    return bool(re.match(r"(<!DOCTYPE[^<]*)?<annotations[\s>/]", head))


def read(path: Path) -> SourceContents:
    """Read the XML file.

    Raises:
        FacelabelError: it names the line that cannot be read.
    """
    handler = _Handler(path)
    parser = defusedxml.sax.make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(handler)
    try:
        with path.open("rb") as file:
            unparsed = 0
            while chunk := file.read(_CHUNK):
                before = handler.events
                parser.feed(chunk)
                unparsed = 0 if handler.events > before else unparsed + len(chunk)
                if unparsed > MAX_ITEM:
                    refuse(path, f"one part is longer than {MAX_ITEM} characters", handler.where)
            parser.close()
    except DefusedXmlException as error:
        refuse(path, f"it declares a document type or an entity, which is not read ({type(error).__name__})")
    except SAXException as error:
        refuse(path, f"it is not valid XML ({error})")
    except OSError as error:
        refuse(path, str(error.strerror))
    except (ValueError, LookupError) as error:  # an encoding that Python does not know
        refuse(path, f"it is not valid XML ({error})")
    if not handler.events:
        refuse(path, "it is not valid XML (it is empty)")
    return handler.contents()


def write(folder: Path, export: Export) -> Losses:
    """Write annotations.xml, and labels.json, which a user pastes into CVAT's label constructor (Raw).

    Raises:
        FacelabelError: if a name has a character that XML 1.0 cannot hold.
    """
    names, columns = export.names(), export.columns()
    (folder / "labels.json").write_text(_labels_json(export), encoding="utf-8")
    with (folder / "annotations.xml").open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
        for number, image in enumerate(export.images):
            size = f'width="{image.width}" height="{image.height}"'
            file.write(f'  <image id="{number}" name="{_escape(image.name)}" {size}>\n')
            answers = [(c, names[c, image.labels[c]]) for c in columns if c in image.labels]
            if answers:
                file.write(f'    <tag label="{LABEL}" source="manual">\n')
                for attribute, name in answers:
                    file.write(f'      <attribute name="{attribute}">{_escape(name)}</attribute>\n')
                file.write("    </tag>\n")
            file.write("  </image>\n")
            export.put_image(image, folder / "images" / image.name)
        file.write("</annotations>\n")
    return Losses()


def _labels_json(export: Export) -> str:
    attributes = [
        {
            "name": attribute.name,
            "input_type": "text" if attribute.kind == "open" else "select",
            "mutable": False,
            "values": [""]
            if attribute.kind == "open"
            else [v.name for v in attribute.values if v.status == "active"] + [CANNOT_TELL_NAME],
        }
        for attribute in export.schema.attributes
    ]
    label = {"name": LABEL, "type": "tag", "attributes": attributes}
    return json.dumps([label], ensure_ascii=False, indent=2) + "\n"


def _escape(text: str) -> str:
    if match := _NOT_XML.search(text):
        raise cannot_say("CVAT's XML", f"{text!r} has the character {match[0]!r}")
    for mark, entity in (
        ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"),
        ("\r", "&#13;"), ("\n", "&#10;"), ("\t", "&#9;"),
    ):  # fmt: skip
        text = text.replace(mark, entity)
    return text


class _Handler(ContentHandler):
    """Collects images and answers while the file is parsed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.events = 0
        self._path = path
        self._place: Locator | None = None
        self._open: list[str] = []
        self._images: dict[str, None] = {}
        self._answers: dict[SourceAnswer, None] = {}
        self._image = ""
        self._label = ""
        self._attribute = ""
        self._answered = False
        self._text: list[str] = []
        self._length = 0
        self._shapes: Counter[str] = Counter()

    @property
    def where(self) -> str:
        """The line that is being parsed, in words; "" if it is unknown."""
        line = self._place.getLineNumber() if self._place is not None else None
        return f"line {line}" if line is not None else ""

    def contents(self) -> SourceContents:
        """Return the images and answers that were read."""
        refused = [
            (kind, f"{count} ignored: only tags label a whole image") for kind, count in self._shapes.items()
        ]
        return SourceContents([SourceImage(name) for name in self._images], list(self._answers), refused)

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - the names are those that SAX calls
        self._place = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        self.events += 1
        if not self._open and name != "annotations":
            refuse(self._path, f"it is not an export of CVAT: it begins with <{name[:40]}>")
        if len(self._open) >= _MAX_DEPTH:
            refuse(self._path, "it is nested too deeply", self.where)
        parent = self._open[-1] if self._open else ""
        self._open.append(name)
        if name == "image" and parent == "annotations":
            self._image = image_name(self._path, self.where, attrs.get("name"))
            self._images[self._image] = None
        elif name == "tag" and parent == "image":
            self._label = plain_text(self._path, self.where, attrs.get("label"), "the label of a tag")
            self._answered = False
        elif name == "attribute" and parent == "tag":
            self._attribute = plain_text(
                self._path, self.where, attrs.get("name"), "the name of an attribute"
            )
            self._text, self._length = [], 0
        elif name in _SHAPES and parent in {"image", "track"}:
            self._shapes[name] += 1

    def characters(self, content: str) -> None:
        self.events += 1
        if self._open[-1] == "attribute":
            self._length += len(content)
            if self._length > MAX_TEXT:
                refuse(self._path, f"a value is longer than {MAX_TEXT} characters", self.where)
            self._text.append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        self.events += 1
        self._open.pop()
        parent = self._open[-1] if self._open else ""
        if name == "attribute" and parent == "tag":
            self._answered = True
            self._answer(self._attribute, "".join(self._text))
        elif name == "tag" and parent == "image" and not self._answered:
            self._answer("", self._label)

    def _answer(self, attribute: str, text: str) -> None:
        if text:
            value = None if text == CANNOT_TELL_NAME else text
            self._answers[SourceAnswer(self._image, attribute, value)] = None
