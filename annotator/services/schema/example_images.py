"""The images that the schema's guidelines show."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotator.domain.schema import Schema
from annotator.models import Image


def example_images(session: Session, schema: Schema) -> dict[str, str]:
    """The SHA-256 of each example image, by image name. Examples that the project does not have are left out."""
    names = {example.image for attribute in schema.attributes for example in attribute.examples}
    query = select(Image.name, Image.sha256).where(Image.name.in_(names))
    return dict(session.execute(query).all())
