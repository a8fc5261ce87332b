"""A warning of settings that wait for longer than the training lasts."""

import warnings

from pyrosnn.errors import PyrosnnWarning
from pyrosnn.training.spec import TrainingSpec


def warn_of_unused(spec: TrainingSpec, *, stacklevel: int) -> None:
    """Warn of images, regularisers and milestones that a training never comes to, or not in full.

    A preset's warm-up may well be longer than a short training of one's own: such a training is
    the plain one, under the name of the defence.

    Args:
        spec: settings of the training.
        stacklevel: that of ``warnings.warn``, counted from the caller of this function.
    """
    images = spec.make_images()
    unused = []
    if images.clean_epochs >= spec.epochs:
        unused.append(f"the images '{spec.images}' (warm_up = {images.clean_epochs})")
    elif images.full_from > spec.epochs:
        unused.append(f"the full weight of the images '{spec.images}' (epoch {images.full_from})")
    for name, term in zip(spec.regularisers, spec.make_regularisers(), strict=True):
        if term.weight > 0 and term.start >= spec.epochs:
            unused.append(f"the regulariser '{name}' (start = {term.start})")
    late = [milestone for milestone in spec.milestones if milestone >= spec.epochs]
    if spec.schedule == "steps" and late:
        unused.append(f"milestones of the learning rate ({', '.join(map(str, late))})")
    if unused:
        warnings.warn(
            f"a training with epochs = {spec.epochs} never comes to {' and '.join(unused)}; lower "
            "them, or raise epochs",
            PyrosnnWarning,
            stacklevel=stacklevel + 1,
        )
