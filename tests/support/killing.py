"""A program that runs a study in child processes and kills them: see test_faults.py.

It loads everything once and forks, so that a kill costs what the study takes, and no start.
Arguments: checkpoint, folder, number of kills, seed. Prints what happened as JSON.
"""

import contextlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from pyrosnn.results import open_results, result_digest
from pyrosnn_cli.main import app
from pyrosnn_studies import grid

torch.set_num_threads(1)


def run(checkpoint: str, output: Path, log: Path, kill_after: float | None) -> int:
    """Run the study with --resume in a child; return its wait status."""
    child = os.fork()
    if child == 0:
        note_cells(log)
        status = 1
        try:
            study(checkpoint, output)
            status = 0
        finally:
            os._exit(status)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def study(checkpoint: str, output: Path) -> None:
    """Run the study with --resume in this process, without its tables."""
    words = ["study", "sample-size", "--model", checkpoint, "--output", str(output)]
    words += ["--images", "30", "--block-size", "5", "--strengths", "0.5", "--repeats", "2"]
    words += ["--attack-samples", "2", "--inference-samples", "20", "--quiet", "--resume"]
    with open(os.devnull, "w") as null, contextlib.redirect_stdout(null):
        app(words, standalone_mode=False)


def note_cells(log: Path) -> None:
    """Let this process write the name of every cell that it begins to run."""
    plain = grid._evaluate

    def noted(spec, cell, subject, judged):  # type: ignore[no-untyped-def]
        with log.open("a") as file:
            file.write(f"{cell.name}\n")
        return plain(spec, cell, subject, judged)

    grid.PARTS["evaluation"] = noted


def main() -> None:
    """Kill until there were enough kills; every chain of kills ends with a whole file."""
    checkpoint, folder, kills = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    moments = random.Random(int(sys.argv[4]))
    study(checkpoint, folder / "warm-up.nc")  # all that is loaded late is loaded
    undisturbed = folder / "undisturbed.nc"
    start = time.monotonic()
    assert run(checkpoint, undisturbed, folder / "log", None) == 0
    duration = time.monotonic() - start
    expected = result_digest(open_results(undisturbed))
    killed, whole, partial, twice, wrong, left = 0, 0, 0, 0, 0, 0
    kept_at_kill = []
    output = folder / "killed.nc"
    cells = folder / "killed.nc.cells"
    while killed < kills or output.exists() or cells.exists():
        before = {path.stem for path in cells.glob("*.cell")}
        log = folder / f"log-{killed}-{whole}"
        wait = moments.uniform(0, duration) if killed < kills else None
        status = run(checkpoint, output, log, wait)
        ran = log.read_text().split() if log.exists() else []
        twice += len(before & set(ran)) + len(ran) - len(set(ran))
        if os.WIFSIGNALED(status):
            killed += 1
            kept_at_kill.append(len(list(cells.glob("*.cell"))))
        else:
            wrong += os.WEXITSTATUS(status) != 0
        if output.exists():
            partial += result_digest(open_results(output)) != expected
        if not os.WIFSIGNALED(status):
            whole += 1
            left += cells.exists()
            output.unlink()
            output.with_suffix(".png").unlink()
    counts: dict[str, object] = {
        "killed": killed,
        "whole": whole,
        "partial": partial,
        "twice": twice,
    }
    counts |= {"wrong": wrong, "left": left, "kept": kept_at_kill, "takes": duration}
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
