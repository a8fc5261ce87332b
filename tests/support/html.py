"""An HTML page as its elements, for tests of what it says and how it is built."""

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

VOID = ("meta", "link", "img", "br", "hr")  # elements without an end


@dataclass
class Element:
    """An element of a page.

    Attributes:
        tag: its name.
        attrs: its attributes.
        parent: the element that it is in.
        text: all text in it.
    """

    tag: str
    attrs: dict[str, str | None]
    parent: "Element | None"
    text: str = ""
    children: list["Element"] = field(default_factory=list)


class Page(HTMLParser):
    """A page; refuses elements that are not closed in order.

    Args:
        content: its HTML.
    """

    def __init__(self, content: str):
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(content)
        self.close()
        assert not self._open, f"not closed: {[one.tag for one in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), self._open[-1] if self._open else None)
        if element.parent is not None:
            element.parent.children.append(element)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, *tags: str, where: Callable[[Element], bool] = lambda one: True) -> list[Element]:
        """Return the elements with one of some names, in order."""
        return [one for one in self.elements if one.tag in tags and where(one)]


def check_page(content: str) -> Page:
    """Check what every report must be: complete, linked, with alternatives, without the network."""
    page = Page(content)
    (html,) = page.all("html")
    assert html.attrs["lang"] == "en"
    assert page.all("h1")[0] is page.all("h1")[-1]
    levels = [int(one.tag[1]) for one in page.all("h1", "h2", "h3", "h4")]
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    names = [one.attrs["id"] for one in page.elements if "id" in one.attrs]
    assert len(names) == len(set(names))
    links = [str(one.attrs["href"]) for one in page.all("a")]
    assert links
    assert {link.removeprefix("#") for link in links} <= set(names), links
    for image in page.all("img"):
        assert (image.attrs["alt"] or "").strip()
        assert str(image.attrs["src"]).startswith("data:image/png;base64,")
    for table in page.all("table"):
        cells = [one for one in page.all("th") if _is_in(one, table)]
        assert {one.attrs["scope"] for one in cells} == {"col", "row"}
        assert all(one.text.strip() for one in cells)
        assert len({len(row.children) for row in page.all("tr") if _is_in(row, table)}) == 1
    assert not page.all("script", "iframe", "object", "embed", "form", "base")
    handlers = [name for one in page.elements for name in one.attrs if name.startswith("on")]
    assert not handlers
    elsewhere = [
        value
        for one in page.elements
        for name, value in one.attrs.items()
        if name in ("src", "href", "srcset", "action") and not str(value).startswith(("#", "data:"))
    ]
    assert not elsewhere
    (style,) = page.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    return page


def _is_in(element: Element, ancestor: Element) -> bool:
    above = element.parent
    while above is not None and above is not ancestor:
        above = above.parent
    return above is ancestor
