"""The cells, bars and faces of a round's report lead to their images; the file itself has no links."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

from annotator.app import create_app
from annotator.config import Settings
from annotator.project import ProjectFolder
from tests.support.projects.images import image_of, names_of
from tests.support.projects.labelling import Person
from tests.support.projects.reviewing import save_correction
from tests.support.projects.round_results import add_finished_round
from trainer.data.snapshot import Attribute, Value
from trainer.reports.charts import stacked_chart
from trainer.reports.run_charts import confusion

GLASSES = Attribute(
    "glasses",
    "Glasses",
    "categorical",
    True,
    tuple(Value(code, name, "active", ends=False) for code, name in enumerate(("none", "clear", "dark"))),
)


def test_a_cell_of_a_report_lists_its_images_by_the_model_of_that_round(filled: ProjectFolder):
    train = names_of(filled, split="train")
    number = add_finished_round(filled, train[5])
    add_finished_round(filled, train[0])
    save_correction(filled, Person(filled), image_of(filled, train[1]), {"glasses": 1}, "key")
    chart = confusion(GLASSES, {"balanced": {"confusion": [[0, 0, 0], [1, 0, 0], [0, 0, 0]]}}, "train")
    bars = stacked_chart("labels", ["train"], {"clear": [1]}, {(0, 0): "attribute=glasses&value=1"})
    written = f'{chart.svg("c")}{bars.svg("b")}<span class="dim" data-image="{train[1]}">{train[1]}</span>'
    assert "href" not in re.sub(r'<use [^>]*|clip-path="[^"]*"', "", written)
    file = filled.round_folder(number) / "run" / "report" / "report.html"
    file.parent.mkdir()
    file.write_text(written)
    with create_app(filled, Settings()).test_client() as client:
        page = client.get(f"/rounds/{number}/report", base_url="http://127.0.0.1").text
        links = [unescape(link) for link in re.findall(r'href="(/browse[^"]*)"', page)]
        assert "data-view" not in page
        queries = [{name: one for name, [one] in parse_qs(urlsplit(link).query).items()} for link in links]
        [cell, area] = [q for q in queries if (q.get("value"), q.get("predicted")) == ("1", "0")]
        assert cell == area
        assert cell == {
            "attribute": "glasses", "value": "1", "predicted": "0", "balanced": "true", "split": "train",
            "excluded": "without", "round": str(number),
        }  # fmt: skip
        assert {"attribute": "glasses", "value": "1"} in queries, "a bar of labels asks no model"
        answer = client.get("/api/v1/images", query_string=cell, base_url="http://127.0.0.1")
        assert [image["name"] for image in answer.json["images"]] == [train[1]]
