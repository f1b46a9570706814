"""A page in one file: the frame, sections, tables, pictures."""

import base64
import html
import io
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --page: #fff; --soft: #f2f4f7; --line: #d4d9e0; --dim: #5b6470; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e7ebf0; --page: #14171b; --soft: #1e2329; --line: #38404a; --dim: #a3adb9; } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem; font: 16px/1.5 system-ui, sans-serif;
  color: var(--text); background: var(--page) }
h1 { font-size: 1.7rem; margin: 0 } h2 { font-size: 1.3rem; margin: 2.2rem 0 .6rem } h3 { font-size: 1rem; margin: 1rem 0 .3rem }
p { margin: .3rem 0; max-width: 48rem } .dim { color: var(--dim) }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: .8rem 0 }
a { color: inherit }
.row { display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-start }
figure { margin: 0 } figcaption { font-size: .85rem; color: var(--dim); max-width: 26rem }
svg { display: block; max-width: 100%; height: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem }
th, td { padding: .28rem .6rem; border-bottom: 1px solid var(--line); text-align: right }
th:first-child, td:first-child { text-align: left } thead th { background: var(--soft) }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.5rem, 1fr)); gap: .7rem }
.gallery img { width: 100%; border-radius: 4px; display: block } .gallery figcaption { font-size: .74rem; overflow-wrap: anywhere; line-height: 1.3 }
.maps { display: flex; flex-wrap: wrap; gap: .3rem } .maps img { image-rendering: pixelated; border-radius: 3px }
.scroll { overflow-x: auto }
.sortable td, .sortable th { white-space: nowrap } .sortable td:last-child { white-space: normal; text-align: left; min-width: 8rem }
.sortable thead th { white-space: normal; vertical-align: bottom }
th button { all: unset; cursor: pointer } th button:hover { text-decoration: underline }
th button:focus-visible { outline: 2px solid; outline-offset: 2px }
th button::after { content: "\u00a0▼"; visibility: hidden } th[aria-sort] button::after { visibility: visible }
th[aria-sort=ascending] button::after { content: "\u00a0▲" }
h4 { font-size: .9rem; font-weight: 600; margin: .8rem 0 .3rem } details { margin: .6rem 0 } summary { cursor: pointer; font-weight: 600 } pre { background: var(--soft); padding: .8rem; overflow-x: auto }
"""


def text(value: object) -> str:
    """Return a value as text that HTML takes literally."""
    return html.escape(str(value))


def page(title: str, sections: Sequence[tuple[str, str]], *, lead: str = "") -> str:
    """Return a whole page with a list of links to its sections, if there are several.

    Args:
        title: Of the page.
        sections: Heading and HTML of each.
        lead: HTML below the title.
    """
    several = len(sections) > 1
    links = "".join(f'<a href="#s{i}">{text(heading)}</a>' for i, (heading, _) in enumerate(sections))
    body = "".join(
        f'<section id="s{i}"><h2>{text(heading)}</h2>{content}</section>'
        for i, (heading, content) in enumerate(sections)
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head>"
        f"<body><header><h1>{text(title)}</h1>{lead}{f'<nav>{links}</nav>' if several else ''}</header><main>{body}</main></body></html>\n"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table of plain values."""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in header)
    body = "".join("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def share(value: float | None) -> str:
    """Return a figure between 0 and 1 with three digits."""
    return "–" if value is None else f"{value:.3f}"


def with_interval(value: float | None, interval: Sequence[float] | None) -> str:
    """Return a figure with its 95 % interval."""
    return share(value) if interval is None else f"{share(value)} ({interval[0]:.3f}–{interval[1]:.3f})"


def picture(pixels: NDArray[np.uint8], *, alt: str, width: int | None = None, lossless: bool = False) -> str:
    """Return an image element with the picture inside.

    Args:
        pixels: (H, W, 3) RGB or (H, W) gray.
        alt: What it shows.
        width: Pixels on the page.
        lossless: PNG instead of JPEG.
    """
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG" if lossless else "JPEG", quality=85)
    data = base64.b64encode(stream.getvalue()).decode()
    size = f' width="{width}"' if width else ""
    kind = "png" if lossless else "jpeg"
    return f'<img src="data:image/{kind};base64,{data}" alt="{text(alt)}"{size}>'


def figure(content: str, caption: str = "") -> str:
    """Return content with a caption; both are HTML."""
    return f"<figure>{content}<figcaption>{caption}</figcaption></figure>"
