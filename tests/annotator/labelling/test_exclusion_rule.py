"""Every module that reads images has the rule that leaves excluded ones out, or a reason to do without it."""

import ast

from tests.support.paths import CHECKOUT

TABLES = {"Image", "Label", "Annotation", "Face", "Gold", "Lease", "Flag", "OpinionWanted"}
BY_ID = "it reads and changes the images that a request names; an excluded one is labelled on, and counts when it is restored"
TIES = "ties between images stay, so that no exclusion moves an image into another split"
IMPORTED = "an import meets excluded images too, and reports them"
SHOWN = "Browse shows excluded images in gray, and services/review/filters leaves them out where they are not wanted"
ERASED = "excluded images are erased like others"
EXEMPT = {
    "annotation/log.py": BY_ID,
    "annotation/standing.py": BY_ID,
    "annotation/submit.py": BY_ID,
    "annotation/undo.py": BY_ID,
    "annotation/take_back_batches.py": "answers are undone in excluded images too",
    "accounts.py": "a deleted account loses all its leases",
    "common/cached_stats.py": "it only compares sizes",
    "common/filled.py": BY_ID,
    "common/tombstones.py": ERASED,
    "common/counted.py": "the rule itself",
    "common/undone.py": "whether an answer was undone does not depend on it",
    "erasure/journal.py": ERASED,
    "erasure/rows.py": ERASED,
    "erasure/scope.py": ERASED,
    "faces/tiles.py": BY_ID,
    "grouping/duplicate_search.py": TIES,
    "grouping/near_duplicates.py": TIES,
    "grouping/rebuild.py": TIES,
    "importing/bucket/objects.py": IMPORTED,
    "importing/bucket/seen.py": IMPORTED,
    "importing/image_lookup.py": IMPORTED,
    "importing/image_rows.py": IMPORTED,
    "importing/inspection/inspect_source.py": IMPORTED,
    "importing/photos.py": IMPORTED,
    "monitoring/numbers.py": "an excluded image loses its leases",
    "people/confirm.py": BY_ID,
    "people/naming_runs.py": "a labeller's list of sets tells what they did",
    "people/split.py": BY_ID,
    "people/rename_merge.py": "a merged person is merged in excluded images too",
    "certificates/pace.py": "the pace is that of all work",
    "predictions/label_columns.py": "its callers choose the images",
    "projects.py": "a project whose images are all excluded has images",
    "project_settings.py": "it reads when leases end, whatever their images",
    "review/counting.py": SHOWN,
    "review/details.py": "the page of an image shows excluded ones, and says so",
    "review/explainer.py": BY_ID,
    "review/flags.py": BY_ID,
    "review/likeness.py": SHOWN,
    "review/listing.py": SHOWN,
    "review/model_filters.py": SHOWN,
    "review/ordering.py": SHOWN,
    "review/own_answers.py": "labellers see what they answered, and that an image is excluded",
    "rounds/loading.py": "predictions of an excluded image are of a known image",
    "rounds/pruning.py": "an excluded image can be included again, and then counts on the curves",
    "schema/example_images.py": "an example of a guideline stays one",
    "schema_editing/value_changes.py": "a merged value is merged in excluded images too",
    "selection/actions.py": BY_ID,
    "selection/changes.py": BY_ID,
    "tasks/certainty.py": "its callers choose the images",
    "tasks/leases.py": "an excluded image loses its leases, and nobody gets a new one",
    "tasks/routing.py": "its callers choose the images",
    "tasks/sampling.py": "the lists that it draws from leave them out",
    "tasks/task.py": "its callers choose the images",
    "tasks/visibility.py": "whether an image is blind does not depend on it",
    "tasks/withholding.py": "whether suggestions are withheld does not depend on it",
    "team/aggregation.py": "services/common/votes has the condition",
} | dict.fromkeys(
    ("team/overview.py", "team/relabel_scheduler.py"), "wanted opinions are dropped with an exclusion"
)


def test_every_module_that_reads_images_has_the_rule_or_a_reason():
    services = CHECKOUT / "annotator" / "services"
    without = set()
    for path in services.rglob("*.py"):
        imported = {
            (node.module, alias.name)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        has_rule = any(module == "annotator.services.common.counted" for module, _ in imported)
        if not has_rule and any(("annotator.models", table) in imported for table in TABLES):
            without.add(path.relative_to(services).as_posix())
    assert without == EXEMPT.keys()
