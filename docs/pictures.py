"""Make the pictures of the documents: `.venv/bin/python docs/pictures.py`.

Draws sample faces, takes in the known answers of two thirds of them, runs a round, and photographs the pages.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from annotator.formats.drawn_faces import draw_faces  # noqa: E402
from tests.serving import Server  # noqa: E402


def facelabel(*arguments: object) -> None:
    """Run a command of ours."""
    subprocess.run([sys.executable, "-m", "annotator", *map(str, arguments)], check=True)


def main() -> None:
    """Make them all."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "faces"
        draw_faces(Path(folder) / "drawn", 300)
        lines = (Path(folder) / "drawn" / "answers.csv").read_text().splitlines()
        (Path(folder) / "known.csv").write_text("\n".join(lines[:201]) + "\n")
        facelabel("init", "-p", project)
        facelabel("import", Path(folder) / "drawn", Path(folder) / "known.csv", "-p", project)
        facelabel("round", "-p", project)
        executable = shutil.which("chromium") or shutil.which("google-chrome")
        with Server(project) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1366, "height": 768})
            page.goto(server.url)
            page.wait_for_selector("html[data-state=ready]", state="attached")
            page.keyboard.press("Enter")
            page.wait_for_selector("#strip.filled")
            page.screenshot(path=ROOT / "docs" / "label-page.png")
            page.goto(f"{server.url}/rounds")
            page.wait_for_selector("[data-round]")
            page.screenshot(path=ROOT / "docs" / "rounds-page.png")
            browser.close()


if __name__ == "__main__":
    main()
