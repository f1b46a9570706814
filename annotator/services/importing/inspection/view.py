"""What the import page shows of an upload's labels: their meaning, five images with the labels that they would get, the mapping."""

from __future__ import annotations

from dataclasses import dataclass

from annotator.formats.importers.base import VideoLength
from annotator.formats.importers.mapping import Mapping
from annotator.project import ProjectFolder
from annotator.services.importing.inspection.changes import MappingChange, apply_change
from annotator.services.importing.inspection.choices import Choices
from annotator.services.importing.inspection.store import ShownImage, read_inspection
from annotator.services.importing.jobs import get_import
from annotator.services.importing.uploads import upload_folder
from annotator.services.schema.active import active_schema

_TITLE = "Chosen on the import page."


@dataclass(frozen=True)
class MappingView:
    """What the page shows.

    Args:
        choices: what every column, value and label means.
        text: the mapping, as the text of a file; "" if the import needs none.
        examples: at most five images with the labels that they would get, by attribute.
        video: the length of a video.
    """

    choices: Choices
    text: str
    examples: list[tuple[ShownImage, dict[str, str]]]
    video: VideoLength | None


def view_mapping(
    project: ProjectFolder, number: int, text: str | None = None, change: MappingChange | None = None
) -> MappingView:
    """Return what the labels of an upload mean. Nothing is changed.

    Args:
        project: the project.
        number: the import.
        text: the text of the mapping; None: the one that the last run used.
        change: a change of it.

    Raises:
        NotFound: if there is no such import.
        FacelabelError: if the mapping cannot be read, or does not fit the schema or the file.
    """
    with project.database.read() as session:
        row = get_import(session, number)
        schema = active_schema(session).schema
    if text is None:
        text = str(row.options["mapping"])
    inspection = read_inspection(upload_folder(project, number))
    mapping = Mapping.parse(text, "of this import")
    choices = apply_change(inspection.summary, schema, mapping, change or MappingChange())
    by_name = {choices.image_of(example): example for example in inspection.summary.examples}
    examples = [
        (image, choices.answers_of(by_name[image.name], schema))
        for image in inspection.images
        if image.name in by_name
    ]
    new_text = "" if choices.mapping.is_empty else choices.mapping.text(title=_TITLE)
    return MappingView(choices, new_text, examples, inspection.video)
