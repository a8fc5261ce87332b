"""What a report says, as plain data: a verdict, and sections of parts.

Each kind of part has a template of its own in ``templates``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pyrosnn.checks.finding import Finding
from pyrosnn.tables import Table as Table


@dataclass(frozen=True, kw_only=True)
class Text:
    """Paragraphs.

    Attributes:
        paragraphs: their texts.
    """

    template: ClassVar[str] = "text.html"

    paragraphs: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure.

    Attributes:
        content: the picture, a PNG.
        words: the same in words, with its numbers, for who does not see it.
        caption: what it shows.
    """

    content: bytes
    words: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Figures beside each other where there is room, else below each other.

    Attributes:
        pictures: the figures.
    """

    template: ClassVar[str] = "pictures.html"

    pictures: Sequence[Picture]


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image of the data set in one or more views.

    Attributes:
        views: PNGs of its pixels by what each shows, such as ``clean``.
        caption: which image it is, and what became of it.
    """

    views: Mapping[str, bytes]
    caption: str


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Images that have something in common.

    Attributes:
        title: what that is.
        images: the images.
        none: what to say where there are none.
    """

    template: ClassVar[str] = "gallery.html"

    title: str
    images: Sequence[Image]
    none: str = "There are none."


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Findings of checks.

    Attributes:
        findings: the findings.
    """

    template: ClassVar[str] = "findings.html"

    findings: Sequence[Finding]


@dataclass(frozen=True, kw_only=True)
class Entries:
    """Values by their names, such as settings.

    Attributes:
        title: what they are.
        entries: names and values.
    """

    template: ClassVar[str] = "entries.html"

    title: str
    entries: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Code:
    """Lines to type.

    Attributes:
        lines: the lines.
    """

    template: ClassVar[str] = "code.html"

    lines: Sequence[str]


Part = Table | Text | Pictures | Gallery | Findings | Entries | Code


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of a page, which a link leads to.

    Attributes:
        anchor: its name in the page's address, a word.
        title: its title.
        parts: what it shows, in order.
    """

    anchor: str
    title: str
    parts: Sequence[Part]


@dataclass(frozen=True, kw_only=True)
class Report:
    """A page.

    Attributes:
        title: its title.
        about: what was done, a line.
        verdict: what it comes to, in sentences.
        status: status of the worst check, a name in ``STATUSES``.
        sections: what stands below.
        program: what made it, with its version.
    """

    title: str
    about: str
    verdict: Sequence[str]
    status: str
    sections: Sequence[Section]
    program: str
