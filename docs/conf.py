"""Settings of the site: Sphinx with Markdown pages (MyST) and the theme Furo.

What Sphinx lacks is in `docs/extensions`, a small file for each thing.
"""

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent)]

project = "pyrosnn"
version = version_of(project)
language = "en"
smartquotes_action = "De"  # dashes and dots; quotes stay
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "docstrings",
    "markers",
    "mathml",
    "notebooks",
]
source_suffix = {".md": "markdown", ".ipynb": "markdown"}
exclude_patterns = ["extensions", "_static"]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_disable_syntax = ["myst_line_comment"]  # a line may begin with %
myst_heading_anchors = 4  # links to headings, as GitHub has them

autodoc_default_options = {"members": True, "ignore-module-all": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_type_aliases = {"Step": "pyrosnn.training.step.Step"}  # there are three
autodoc_typehints_format = "short"
default_role = "literal"
python_maximum_signature_line_length = 72
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = "pyrosnn"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
