"""An erased image leaves the maps: their files are written anew without it."""

from annotator.feature_removal import forget_features
from annotator.formats.snapshot.image_map import read_map
from annotator.project import ProjectFolder
from annotator.services.common.image_maps import LISTED, WANTED, list_maps, map_folder
from annotator.services.erasure.journal import begin_erasure, complete_erasures
from annotator.services.erasure.scope import Request
from annotator.services.review.map_colours import HIDDEN, map_colours
from tests.support.projects.images import image_of, names_of
from tests.support.projects.maps import make_map


def test_an_erased_image_is_hidden_at_once_and_then_in_no_map_file(filled: ProjectFolder):
    names = names_of(filled)
    for count in (40, 10):
        make_map(filled, {name: (0.5, place / 50) for place, name in enumerate(names[:count])})
    newer, older = list_maps(filled)
    (map_folder(filled) / LISTED).write_bytes(b"the hashes of a computation that was killed")
    erased = image_of(filled, names[20])
    begin_erasure(filled, "Ada", "key", Request("images", images=(erased,)))
    with filled.database.read() as session:
        hidden = map_colours(filled, session, older, "label", "glasses") == HIDDEN
    assert [place for place, is_hidden in enumerate(hidden) if is_hidden] == [20]
    assert complete_erasures(filled, forget_features)
    same, changed = list_maps(filled)
    assert same == newer, "a map without the image stays, and browsers keep it"
    assert (changed.number, changed.file == older.file) == (older.number, False)
    points = read_map(changed.file)
    assert points is not None
    assert len(points.ids) == 39
    assert erased not in points.ids
    assert sorted(file.name for file in map_folder(filled).iterdir()) == sorted(
        [same.file.name, changed.file.name, WANTED]
    )
