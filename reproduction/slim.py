"""`python -m reproduction.slim [FOLDER]`: leave out the diagnosis of second trainings.

Half of such a file is what a diagnosis resamples, and no table of the defences reads it. The runs
keep it, for the number of attack samples is what the diagnosis advises.
"""

import sys
from pathlib import Path

from pyrosnn.errors import PyrosnnError
from pyrosnn.results import open_results, save_results
from reproduction.defences import SEEDS

GROUP, LEFT_OUT = "moments", ", no diagnosis"


def slim(folder: Path) -> list[str]:
    """Rewrite the results of second trainings that have a diagnosis.

    Args:
        folder: folder of the results.

    Returns:
        The names of the files that were rewritten.
    """
    rewritten = []
    for path in sorted(folder.glob(f"*{SEEDS[1]}.nc")):
        result = open_results(path)
        if GROUP in result.children:
            kept = result.copy()
            del kept[GROUP]
            kept.attrs["compact"] += LEFT_OUT
            save_results(path, kept, overwrite=True)
            rewritten.append(path.name)
    return rewritten


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/defences")
    try:
        print("without a diagnosis now:", *slim(folder))
    except PyrosnnError as error:
        print(f"pyrosnn: {error}", file=sys.stderr)
        sys.exit(2)
