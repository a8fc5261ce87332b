"""The norms in which a function's perturbations are measured: more than our attacks bound."""

from collections.abc import Callable
from typing import NoReturn

from pyrosnn.attacks.norms import NORMS, Norm
from pyrosnn.errors import ArgumentError
from pyrosnn.shapes import Images, PerImage


def count(v: Images) -> PerImage:
    """Return the number of each image's entries that are not zero."""
    return (v.flatten(1) != 0).sum(1).to(v.dtype)


def _only_measured(*_: object) -> NoReturn:
    raise ArgumentError(
        f"attacks of pyrosnn bound δ in {' or '.join(NORMS)}; perturbations of other norms come "
        "from functions, and are only measured: ExternalAttack(function=…, norm=…)"
    )


def _measured(measure: Callable[[Images], PerImage]) -> Norm:
    return Norm(
        measure=measure,
        dual=_only_measured,
        steepest=_only_measured,
        project=_only_measured,
        draw=_only_measured,
    )


MEASURED_NORMS = {**NORMS, "l0": _measured(count)}
