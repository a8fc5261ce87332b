"""The README as a package index shows it: built into the metadata by hatchling.

An index has none of the files beside the README. There is no public repository to link to yet, so
that a link becomes the name of its file, which the sdist has; a picture is left out.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_FILE = r"\((?!https?://|#)([^)\s]+)\)"
_PICTURE = re.compile(rf"!\[[^\]]*\]{_FILE}\n*")
_LINK = re.compile(rf"\[([^\]]+)\]{_FILE}")


def without_files(text: str) -> str:
    """Return Markdown without links to files and without pictures from files.

    Args:
        text: the README.
    """
    return _LINK.sub(r"\1 (`\2`)", _PICTURE.sub("", text))


class IndexReadme(MetadataHookInterface):
    """Hatchling's hook."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the readme of the project's metadata."""
        text = Path(self.root, "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": without_files(text)}
