"""Groups and splits of the images of a project."""

from sqlalchemy import select

from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.grouping.duplicate_search import hash_some
from annotator.services.grouping.near_duplicates import find_twins
from annotator.services.grouping.split_balance import SplitPlan, plan_balance


def look(project: ProjectFolder) -> int:
    while hash_some(project):
        pass
    return find_twins(project)


def groups(project: ProjectFolder) -> dict[str, tuple[str, str]]:
    with project.database.read() as session:
        return {
            name: (group, split)
            for name, group, split in session.execute(select(Image.name, Image.group, Image.split))
        }


def plan_of(project: ProjectFolder) -> SplitPlan:
    with project.database.read() as session:
        return plan_balance(session)
