"""`python -m pyrosnn_studies.reproduction FOLDER`: fill the page's tables from the results."""

import sys
from pathlib import Path

from pyrosnn_studies.reproduction.page import write_page

write_page(Path(sys.argv[1]))
