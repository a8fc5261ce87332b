"""`python -m pyrosnn_studies.reproduction FOLDER`: fill the page's tables from the results."""

import sys
from pathlib import Path

from pyrosnn.errors import PyrosnnError
from pyrosnn_studies.reproduction.page import write_page

if __name__ == "__main__":
    try:
        write_page(Path(sys.argv[1]))
    except PyrosnnError as error:
        sys.exit(f"pyrosnn_studies.reproduction: {error}")
