"""The command that makes the model of a study: a study does not train."""

from pathlib import Path

from pyrosnn.data import DATASETS, OWN_DATA, is_own_data, short_name
from pyrosnn.errors import ArgumentError, unknown_name
from pyrosnn_studies import STUDIES

# the paper's variance of the noise that smoothed networks are trained with
SMOOTHING_VARIANCE = 0.1


def training_command(needs: str, dataset: str | None) -> tuple[str, Path]:
    """Return a command that trains a model for studies, and the checkpoint that it writes.

    Args:
        needs: ``model``, or ``smoothed`` for one that is trained with noise.
        dataset: the data set, as ``load_dataset`` takes it; None for digits.

    Raises:
        UnknownNameError: for an unknown data set.

    Example:
        >>> command, path = training_command("smoothed", None)
        >>> command
        'pyrosnn train bnn --smoothing-variance 0.1 --output bnn-digits-smoothed.safetensors'
    """
    default = next(iter(DATASETS))
    name = dataset or default
    if name not in DATASETS and not is_own_data(name):
        raise unknown_name("data set", name, [*DATASETS, *OWN_DATA])
    words = ["pyrosnn train bnn"]
    if is_own_data(name):
        words.append(f"--dataset {name}")
    elif name != default:
        words.append(f"--dataset {name} --preset paper")
    path = Path(f"bnn-{short_name(name)}.safetensors")
    if needs == "smoothed":
        path = path.with_stem(f"{path.stem}-smoothed")
        words.append(f"--smoothing-variance {SMOOTHING_VARIANCE} --output {path}")
    return " ".join(words), path


def needs_a_model(study: str, dataset: str | None) -> ArgumentError:
    """Return the error for a study without ``--model``, with the command that makes one."""
    command, path = training_command(STUDIES[study].needs, dataset)
    return ArgumentError(
        f"study {study} needs a model: {command} makes {path}, then add --model {path}"
    )
