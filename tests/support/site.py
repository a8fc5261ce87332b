"""A built site, read as files: what a reader would stumble over, without a browser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

AS_WRITTEN = ("code", "pre", "script", "style", "math")  # whose text is no prose
LOADED = {"img": "src", "script": "src", "link": "href", "source": "srcset", "iframe": "src"}
NOT_RENDERED = re.compile(
    r"\$[^$\s][^$\n]*\$|\\[a-zA-Z]{2,}|\\[()\[\]]"  # TeX
    r"|:(?:func|class|meth|mod|attr|ref|doc|math):|>>> |```"
)


@dataclass
class SitePage(HTMLParser):
    """A page of a site.

    Attributes:
        content: its HTML.
        text: its prose: all text but code and formulas.
        ids: the names that a link may lead to.
        links: where its links lead.
        loads: what a browser loads for it.
        without_alternative: images that say nothing to who does not see them.
    """

    content: str
    text: str = ""
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    without_alternative: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._within: list[str] = []
        self.feed(self.content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in LOADED and LOADED[tag] in given:
            self.loads.append(given[LOADED[tag]])
        if tag == "img" and not given.get("alt", "").strip():
            self.without_alternative.append(given.get("src", "")[:80])
        if tag in AS_WRITTEN:
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.text += data


def faults(site: Path) -> Iterator[str]:
    """Find dead links, text that was not rendered, things from elsewhere, and silent images.

    Args:
        site: folder of the site. Pages of source code (``_modules``) are not read.
    """
    pages = {path: SitePage(path.read_text("utf-8")) for path in pages_of(site)}
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        for link in page.links:
            if not is_elsewhere(link) and not leads_somewhere(link, path, pages):
                yield f"{name}: dead link {link}"
        for load in page.loads:
            file = path.parent / unquote(re.split("[?#]", load)[0])
            if not load.startswith(("data:", "#")) and (is_elsewhere(load) or not file.is_file()):
                yield f"{name}: loads {load}"
        yield from (f"{name}: no alternative of {image}" for image in page.without_alternative)
        yield from (f"{name}: not rendered: {found}" for found in NOT_RENDERED.findall(page.text))


def pages_of(site: Path) -> list[Path]:
    """Return the pages of a site that somebody wrote."""
    return [path for path in sorted(site.rglob("*.html")) if "_modules" not in path.parts]


def is_elsewhere(link: str) -> bool:
    """Whether a link leaves the site."""
    return re.match(r"\w+:|//", link) is not None


def leads_somewhere(link: str, path: Path, pages: dict[Path, SitePage]) -> bool:
    """Whether the file that a link leads to is there, and the name within it."""
    file, anchor = urldefrag(link)
    target = (path.parent / unquote(file)).resolve() if file else path
    if target not in pages:
        return target.is_file()
    return not anchor or unquote(anchor) in pages[target].ids
