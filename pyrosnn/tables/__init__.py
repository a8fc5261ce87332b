"""Tables as plain data, and the formats that they are written in: a file and a row for each."""

from pyrosnn.errors import resolve
from pyrosnn.tables.table import Cell, Document, Number, Table

# Import paths of functions from a document to text.
FORMATS = {
    "latex": "pyrosnn.tables.as_latex:as_latex",
    "markdown": "pyrosnn.tables.as_markdown:as_markdown",
    "csv": "pyrosnn.tables.as_csv:as_csv",
    "json": "pyrosnn.tables.as_json:as_json",
}

__all__ = ["FORMATS", "Cell", "Document", "Number", "Table", "written"]


def written(document: Document, name: str) -> str:
    """Return a document in a format.

    Args:
        document: what to write.
        name: name of the format, a key of ``FORMATS``.

    Raises:
        UnknownNameError: with the nearest name.

    Example:
        >>> table = Table(title="Accuracy", columns=["S_A"], rows=[[Number(value=10)]])
        >>> print(written(Document(tables=[table]), "csv"), end="")
        S_A
        10
    """
    text: str = resolve(FORMATS, name, "format")(document)
    return text
