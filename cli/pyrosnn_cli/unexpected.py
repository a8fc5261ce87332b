"""One line for an error that nobody foresaw: of the user's model or data, or of pyrosnn itself."""

import sysconfig
import traceback
from pathlib import Path

import pyrosnn
import pyrosnn_cli
import pyrosnn_studies
from pyrosnn.functions import one_line

TRACEBACK_VARIABLE = "PYROSNN_TRACEBACK"


def unexpected(error: BaseException) -> str:
    """Return the line: the place in the user's own code that raised, if there is one.

    Args:
        error: the error, with its traceback.
    """
    frames = [one for one in traceback.extract_tb(error.__traceback__) if _is_own(one.filename)]
    step = f"set {TRACEBACK_VARIABLE}=1 to see where"
    if not frames:
        return f"unexpected {one_line(error)}; {step}, and please report it"
    last = frames[-1]
    place = f"{Path(last.filename).name}:{last.lineno} ({last.name})"
    return f"{place} raised {one_line(error)}; {step}"


def _is_own(file: str) -> bool:
    """Whether a file is neither pyrosnn's, nor a library's, nor Python's."""
    if file.startswith("<"):
        return False
    homes = [Path(module.__path__[0]) for module in (pyrosnn, pyrosnn_cli, pyrosnn_studies)]
    installed = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    return not any(Path(file).is_relative_to(home) for home in (*homes, *installed))
