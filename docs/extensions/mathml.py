"""Formulas as MathML, made when the site is built: browsers show it without a program.

TeX that docutils does not know is an error of the build.
"""

from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

LOGGER = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the renderer; `html_math_renderer` chooses it."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def visit_math(self: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    self.body.append(rendered(node, block=False))
    raise nodes.SkipNode


def visit_math_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula of its own lines, which scrolls where the window is too narrow."""
    self.body.append(f'<div class="math">{rendered(node, block=True)}</div>\n')
    raise nodes.SkipNode


def rendered(node: nodes.Element, *, block: bool) -> str:
    """Return the MathML of a formula, or its text and a warning where it has none."""
    tex = node.astext()
    try:
        return str(tex2mathml(tex, as_block=block))
    except MathError as error:
        LOGGER.warning("no MathML for %r: %s", tex, error, location=node)
        return ""
