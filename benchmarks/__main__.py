"""`python -m benchmarks [NAME…]`: run all benchmarks or the named ones.

Each prints its table and writes it to benchmarks/results/NAME.json with the machine, the date and the revision.
`--small` shows in a minute that they run, and writes nothing; `--full` adds the long ones.

`python -m benchmarks replays [NAME…]` measures nothing: it makes the replays of the recorded simulations again.
`python -m benchmarks versions CHECKOUT` measures this version and another one in turns.
"""

import argparse
import importlib
import sys

from benchmarks import replays, versions
from benchmarks.support.report import Size, print_report, write_report

SUBJECTS = {
    "serving": "how soon `facelabel serve` answers, what it takes in memory, where it listens",
    "labelling": "answers per second and their waits with 1 to 16 clients, over 10,000 and 100,000 images",
    "web_processes": "answers per second and their waits of 20 clients with one and two web processes, SQLite and PostgreSQL",
    "hostile": "what a labeller waits while the server is attacked, beside the same before and after; newcomers",
    "browsing": "how soon the first page of each view of browse answers with 200,000 images",
    "light_table": "a change of 10,000 images and its undo, and the orders of browse with 100,000 images",
    "map": "placing 10,000 and 100,000 images on the map, its frames a second, and how soon a lasso answers",
    "painting": "from a key press to the next image painted, in Chromium",
    "pages": "each page's requests with 1,000,000 images beside 10,000",
    "snapshots": "a million images: written, verified, compared, against the sqlite3 program",
    "looking": "from whole photos to features: the search and both views beside the search and feature of before",
    "faces": "in how many photos a face is found, upright and turned; images per second",
    "people": "faces of one person found together, key presses to name them",
    "many_people": "clustering, and the calls of the people page with 10,000 people",
    "importing": "images imported per second",
    "matching": "100,000 rows of labels imported, by how a table writes the names of the images",
    "pruning": "what rounds take of the disk, whole and pruned, with 10,000 and 1,000,000 images",
    "filling": "filling 100,000 and 1,000,000 cells with the model, undoing it, and what a labeller waits meanwhile",
    "rounds_latency": "from the 25th label to the queue in the new order, 10,000 and 100,000 images",
    "beside_rounds": "what a labeller waits while rounds run without a pause, beside the same without a worker",
    "lessons": "what five earlier systems taught: leaking splits, pretraining, their figures beside ours",
    "throughput": "images per second of training, real ones against random tensors, and of scoring",
    "opinions": "opinions saved by stopping when the answers are sure, simulated labellers",
    "soft_labels": "a probe from majority, Dawid-Skene and soft labels of simulated labellers, on real faces",
    "views": "wrinkles, freckles and other attributes learned from views of the face and from whole images",
    "preset": "the default preset: balanced accuracy on people set aside, with 1,000 labelled images",
    "preset_all": "the same with all images that are not of these people: hours",
    "honesty": "how often the 95 % intervals cover the truth, and calibration lies in its band, on real faces",
    "finder": "images looked at until 95 % of a rare value are found, and how often the recall's interval covers",
    "workers": "images per second of 1 to 8 workers that share features, with a simulated time per image",
    "certificates": "how often the filled cells break their promise, by target, source, wrong labels and shift",
    "early": "after how many labels the page says whether an attribute can be filled; a replay on real faces",
    "hour": "person-minutes until a dataset is finished: certified filling, suggestions only, plain; a replay on real faces",
    "hour_pages": "the same through the real pages in Chromium, with 600 faces and the model of a practised person: an hour",
    "person": "300 faces labelled in Chromium as a person does, rounds beside it: presses per image, suggestions, the curve",
    "rounds": "the loop on real faces: two rounds, their stages, figures on held-out people",
}

COMMANDS = {"replays": replays.main, "versions": versions.main}
VERSIONS = "compare the speed of this version with that of another checkout, in pairs"
REPLAYS = "make the single replays of the recorded simulations again (results/simulate-*/raw): hours"


def main() -> None:
    """Run what the command line names."""
    if sys.argv[1:2] and (command := COMMANDS.get(sys.argv[1])):
        command(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure Facelabel.",
        epilog=f"Two more commands: replays [NAME …], {REPLAYS}; versions CHECKOUT, {VERSIONS}.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SUBJECTS))
    parser.add_argument("--list", action="store_true", help="say what there is, and measure nothing")
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--small", dest="size", action="store_const", const="small", help="only show that it runs"
    )
    size.add_argument("--full", dest="size", action="store_const", const="full", help="also what takes long")
    given = parser.parse_args()
    if unknown := set(given.names) - SUBJECTS.keys():
        parser.error(f"there is no benchmark {min(unknown)}; there are {', '.join(SUBJECTS)}")
    if given.list:
        for name, subject in SUBJECTS.items():
            print(f"{name:<14} {subject}")
        print(f"{'replays':<14} {REPLAYS}")
        print(f"{'versions':<14} {VERSIONS}")
        return
    chosen: Size = given.size or "normal"
    for name in given.names or SUBJECTS:
        figures = importlib.import_module(f"benchmarks.{name}").measure(chosen)
        written = write_report(name, chosen, figures) if chosen != "small" else None
        print_report(name, figures)
        if written:
            print(f"→ {written}\n")


if __name__ == "__main__":
    main()
