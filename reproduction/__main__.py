"""`python -m reproduction [FOLDER]`: fill the page's tables from the results."""

import sys
from pathlib import Path

from pyrosnn.errors import PyrosnnError
from reproduction.page import write_page

if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reproduction")
    try:
        write_page(folder)
    except PyrosnnError as error:
        print(f"pyrosnn: {error}", file=sys.stderr)
        sys.exit(2)
