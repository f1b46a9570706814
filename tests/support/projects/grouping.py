"""Groups and splits of the images of a project."""

from sqlalchemy import select

from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.grouping.duplicate_search import hash_some
from annotator.services.grouping.near_duplicates import find_near_duplicates
from annotator.services.grouping.split_balance import SplitPlan, plan_balance


def search_near_duplicates(project: ProjectFolder) -> int:
    """Hash all images and search for near-duplicates; returns the number of pairs."""
    while hash_some(project):
        pass
    return find_near_duplicates(project)


def groups_and_splits(project: ProjectFolder) -> dict[str, tuple[str, str]]:
    """The group and the split of every image, by its name."""
    with project.database.read() as session:
        return {
            name: (group, split)
            for name, group, split in session.execute(select(Image.name, Image.group, Image.split))
        }


def plan_of(project: ProjectFolder) -> SplitPlan:
    """The plan of a better seed for the splits."""
    with project.database.read() as session:
        return plan_balance(session)
