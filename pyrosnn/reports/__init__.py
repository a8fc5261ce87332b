"""Reports: one HTML page that needs no other file, no script and no network."""

from pyrosnn.reports.content import (
    Code,
    Entries,
    Findings,
    Gallery,
    Image,
    Picture,
    Pictures,
    Report,
    Section,
    Text,
)
from pyrosnn.reports.page import report_page
from pyrosnn.reports.pixels import amplified, pixels_png
from pyrosnn.tables import Table

__all__ = [
    "Code",
    "Entries",
    "Findings",
    "Gallery",
    "Image",
    "Picture",
    "Pictures",
    "Report",
    "Section",
    "Table",
    "Text",
    "amplified",
    "pixels_png",
    "report_page",
]
