"""The sections and pages that the head of every page links to, for the role of the reader."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, g

from annotator.domain.roles import Role, may
from annotator.web.http.access import ACCESS
from annotator.web.http.context import own_path


@dataclass(frozen=True)
class PageLink:
    """A page in the navigation.

    Args:
        name: the page's name, which its template and its script know as `active`.
        path: its address.
        title: its name for people.
        endpoint: the route whose role a reader needs (web/http/access).
        badge: the count that a page shows beside the title; empty for none.
    """

    name: str
    path: str
    title: str
    endpoint: str
    badge: str = ""


@dataclass(frozen=True)
class Section:
    """Pages that belong together; the section's own link leads to the first of them."""

    title: str
    pages: tuple[PageLink, ...]

    def holds(self, active: str | None) -> bool:
        """Whether a page is one of these."""
        return any(page.name == active for page in self.pages)

    @property
    def first(self) -> PageLink:
        """The page that the section's own link opens."""
        return self.pages[0]

    @property
    def others(self) -> tuple[PageLink, ...]:
        """The pages that need another link than the section's: all, unless the section is named after its first page."""
        return self.pages[1:] if self.first.title == self.title else self.pages


SECTIONS = (
    Section(
        "Label",
        (
            PageLink("label", "/", "Label", "pages.label", badge="skipped"),
            PageLink("sweep", "/sweep", "Sweep", "sweep.show"),
            PageLink("people", "/people", "People", "people.people_page"),
        ),
    ),
    Section(
        "Images",
        (
            PageLink("browse", "/browse", "Browse", "browse.browse_page"),
            PageLink("map", "/map", "Map", "image_map.map_page"),
            PageLink("review", "/review", "Review", "review.review_page", badge="review"),
            PageLink("groups", "/groups", "Groups", "groups_api.groups_page"),
        ),
    ),
    Section(
        "Progress",
        (
            PageLink("rounds", "/rounds", "Rounds", "pages.rounds"),
            PageLink("insights", "/insights", "Insights", "insights.insights_page"),
            PageLink("fill", "/fill", "Fill with the model", "certificates_api.fill_page"),
        ),
    ),
    Section(
        "Team",
        (
            PageLink("team", "/team", "Team", "team.team_page"),
            PageLink("access_log", "/access-log", "Access log", "access_log.log_page"),
        ),
    ),
    Section(
        "Data",
        (
            PageLink("import", "/import", "Import", "pages.import_page"),
            PageLink("schema", "/schema", "Schema", "schema_api.schema_page"),
            PageLink("snapshots", "/snapshots", "Export", "pages.snapshots"),
        ),
    ),
)


def sections_for(role: str) -> list[Section]:
    """The sections with the pages that a role may open; a section without any is left out."""
    allowed = [
        Section(section.title, tuple(page for page in section.pages if _may_open(role, page)))
        for section in SECTIONS
    ]
    return [section for section in allowed if section.pages]


def _may_open(role: str, page: PageLink) -> bool:
    needed = ACCESS[page.endpoint]
    return needed == "anyone" or may(role, needed)


def add_navigation(app: Flask) -> None:
    """Give every template `sections` and `role`: what the reader may open; empty if nobody is logged in.

    `base` is what stands before the path of every page.
    """

    @app.context_processor
    def navigation() -> dict[str, object]:
        account = g.get("account")
        role = account.role if account else ""
        opens = role and not (account and account.must_qualify)
        sections = sections_for(role) if opens else []
        return {"sections": sections, "role": role or Role.LABELLER, "base": own_path("")}
