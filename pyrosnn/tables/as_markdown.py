"""Tables as Markdown, with pipes: GitHub, Pandoc and MkDocs read them."""

import re

from pyrosnn.tables.table import Document, Table, require_document


def as_markdown(document: Document) -> str:
    """Return a document as Markdown.

    Args:
        document: what to write.

    Example:
        >>> from pyrosnn.tables import Number
        >>> row = ["bnn", Number(value=70.5, form=".1f")]
        >>> table = Table(title="Accuracy", columns=["model", "clean"], rows=[row])
        >>> print(as_markdown(Document(tables=[table])), end="")
        **Accuracy**
        <BLANKLINE>
        | model | clean |
        | :--- | ---: |
        | bnn | 70.5 |
    """
    require_document(document)
    parts = [*map(_escaped, document.heading)]
    for table in document.tables:
        parts += [_title(table), _rows(table), *map(_escaped, table.notes)]
    return "\n\n".join([*parts, *map(_escaped, document.closing)]) + "\n"


def _title(table: Table) -> str:
    return "\n\n".join(f"**{_escaped(line)}**" for line in table.title.splitlines() if line)


def _rows(table: Table) -> str:
    words = [table.has_words(index) for index, _ in enumerate(table.columns)]
    lines = [
        [_escaped(name) for name in table.columns],
        [":---" if of_words else "---:" for of_words in words],
        *[[_escaped(text) for text in row] for row in table.texts],
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _escaped(text: str) -> str:
    """Escape what Markdown would read; an underscore within a word stays, as in S_A."""
    return re.sub(r"([\\`*|<~]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(text.split()))
