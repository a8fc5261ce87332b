r"""Tables as LaTeX: ``booktabs``, numbers in math mode, nothing that pdfTeX cannot read."""

import re
import unicodedata

from pyrosnn.tables.table import WORD, Cell, Document, Number, Table, require_document

# What LaTeX reads as a command, and symbols that pdfTeX has in math mode alone.
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "[": "{[}",  # after a line's end it would be an option
    "*": "{*}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "η": r"$\eta$",
    "δ": r"$\delta$",
    "μ": r"$\mu$",
    "ρ": r"$\rho$",
    "σ": r"$\sigma$",
    "θ": r"$\theta$",
    "Θ": r"$\Theta$",
    "Σ": r"$\Sigma$",
    "ℓ": r"$\ell$",
    "∞": r"$\infty$",
    "‖": r"$\|$",
    "∇": r"$\nabla$",
    "√": r"$\surd$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "²": r"$^2$",
    "₂": r"$_2$",
    "→": r"$\to$",
    "…": r"\dots{}",
    "–": "--",
    "—": "---",
    "\N{NO-BREAK SPACE}": "~",
}
SUBSCRIPT = re.compile(r"\b(S_[AIV]|f_[ycj])\b")
# Of two models: a minus, not a hyphen.
DIFFERENCE = re.compile(r"\b(\d+) - (\d+)\b")


def as_latex(document: Document) -> str:
    r"""Return a document's tables as LaTeX, each a float with its title as caption.

    The document that takes them needs ``\usepackage{booktabs}``. Sentences around the tables are
    comments.

    Args:
        document: what to write.

    Example:
        >>> cell = Number(value=70.5, form=".1f", low=63.5, high=76.25)
        >>> table = Table(title="In %", columns=["model", "S_A = 1"], rows=[["a_b", cell]])
        >>> for line in as_latex(Document(tables=[table])).splitlines()[5:9]:
        ...     print(line)
            \toprule
            model & $S_A$ = 1 \\
            \midrule
            a\_b & $70.5\,[63.5,\,76.2]$ \\
    """
    require_document(document)
    comments = [f"% {line}" for line in document.heading for line in line.splitlines()]
    closing = [f"% {line}" for line in document.closing for line in line.splitlines()]
    first = [r"% needs \usepackage{booktabs}", *comments]
    return "\n".join([*first, *map(_float, document.tables), *closing]) + "\n"


def _float(table: Table) -> str:
    kinds = "".join("l" if table.has_words(i) else "r" for i, _ in enumerate(table.columns))
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_words(table.title)}}}",
        rf"  \begin{{tabular}}{{{kinds}}}",
        r"    \toprule",
        _row([_words(name) for name in table.columns]),
        r"    \midrule",
        *[_row([_cell(cell) for cell in row]) for row in table.rows],
        r"    \bottomrule",
        r"  \end{tabular}",
        *[rf"  \par\footnotesize {_words(note)}" for note in table.notes],
        r"\end{table}",
    ]
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return rf"    {' & '.join(cells)} \\"


def _cell(cell: Cell) -> str:
    return _number(cell) if isinstance(cell, Number) else _words(cell)


def _number(number: Number) -> str:
    """Return a number in math mode, where a comma and a space need commands."""
    text = str(number)
    if text == "-":
        return "--"
    if WORD.search(text):
        return _words(text)
    for plain, latex in ((" ", r"\,"), ("±", r"\pm"), ("∞", r"\infty")):
        text = text.replace(plain, latex)
    return "$" + re.sub(r"(?<=\d),(?=\d)", "{,}", text) + "$"


def _words(text: str) -> str:
    pieces = SUBSCRIPT.split(" ".join(text.split()))
    return "".join(f"${p}$" if SUBSCRIPT.fullmatch(p) else _escaped(p) for p in pieces)


def _escaped(text: str) -> str:
    escaped = "".join(SPECIAL.get(one, one if one.isascii() else _other(one)) for one in text)
    return DIFFERENCE.sub(r"$\1 - \2$", escaped)


def _other(one: str) -> str:
    """Return a letter that pdfTeX may lack: accented ones it has, of others the name."""
    plain = unicodedata.normalize("NFKD", one)
    return one if plain[0].isascii() else f"({unicodedata.name(one, 'unknown').lower()})"
