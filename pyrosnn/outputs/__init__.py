"""Kinds of discriminant functions: a row in ``OUTPUTS`` and a file for each.

A classifier names its kind in ``output``, and so do files. The table itself loads nothing, so
that a figure of a result does not wait for torch.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pyrosnn.errors import resolve, unknown_name

if TYPE_CHECKING:
    from pyrosnn.outputs.discriminants import Discriminants


@dataclass(frozen=True, kw_only=True)
class Output:
    """A kind of discriminant functions f_c.

    Attributes:
        functions: import path of its :class:`Discriminants`: values, derivatives and means.
        unit: unit of f in figures.
        bounded: whether f lies in [0, 1]. Only then is the smoothness constant known of a
            classifier that is averaged over Gaussian noise.
        loss: name in ``LOSSES`` of the loss that studies attack it with by default.
        module_output: name in ``MODULE_OUTPUTS`` of what ``to_module`` returns by default.
    """

    functions: str
    unit: str
    bounded: bool
    loss: str
    module_output: str


OUTPUTS: dict[str, Output] = {
    "probs": Output(
        functions="pyrosnn.outputs.probs:Probabilities",
        unit="probability",
        bounded=True,
        loss="cross-entropy",  # as in the paper
        module_output="log-probs",
    ),
    "logits": Output(
        functions="pyrosnn.outputs.logits:PlainLogits",
        unit="logit",
        bounded=False,
        loss="margin",  # as in the paper, whose sin has it
        module_output="logits",
    ),
}


def find_output(name: str) -> Output:
    """Return a row of ``OUTPUTS``.

    Raises:
        UnknownNameError: ``unknown output 'prob'; did you mean 'probs'? (probs, logits)``.

    Example:
        >>> find_output("logits").unit
        'logit'
    """
    if name not in OUTPUTS:
        raise unknown_name("output", str(name), OUTPUTS)
    return OUTPUTS[name]


def discriminants_of(name: str) -> "Discriminants":
    """Return the functions of a kind: values, derivatives and means.

    Args:
        name: a name in ``OUTPUTS``, such as ``classifier.output``.

    Raises:
        UnknownNameError: with the nearest name.

    Example:
        >>> import torch
        >>> discriminants_of("probs").values(torch.zeros(1, 1, 4)).tolist()
        [[[0.25, 0.25, 0.25, 0.25]]]
    """
    return _load(find_output(name).functions)


@cache
def _load(path: str) -> "Discriminants":
    functions: Discriminants = resolve({path: path}, path, "discriminants")()
    return functions
