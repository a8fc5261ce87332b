"""Markov chains of a posterior: sample sets of chains of their own, and predictions by chain."""

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from pyrosnn.errors import ArgumentError, require
from pyrosnn.models.batch import images_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.neutral import neutral
from pyrosnn.noise.posterior_weights import PosteriorWeights
from pyrosnn.outputs import discriminants_of
from pyrosnn.sampling.enumeration import enumerated
from pyrosnn.sampling.replay import replay_logits
from pyrosnn.sampling.sample_set import Origin, SampleSet
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import ImagesLike


@checked_arguments
def chain_sets(
    classifier: StochasticClassifier,
    *,
    attack: Sequence[int] = (0,),
    inference: Sequence[int] = (1,),
) -> tuple[SampleSet, SampleSet]:
    """Return the draws of some chains as A, and those of others as I: disjoint, and independent.

    Draws of one chain depend on each other. Both sets are fixed: an attack that wants fresh samples
    in each step is refused.

    Args:
        classifier: a classifier with ``posterior-weights``, such as ``hmc``.
        attack: numbers of the chains of A.
        inference: numbers of the chains of I.

    Returns:
        A and I.

    Raises:
        ArgumentError: for a classifier without chains, and chains that are not there or in both.

    Example:
        >>> from pyrosnn.models import build_model
        >>> hmc = build_model("hmc", image_shape=(1, 4, 4), num_classes=3, options={"draws": 5})
        >>> A, I = chain_sets(hmc)
        >>> A.tensors["draw"].flatten().tolist(), I.tensors["draw"].flatten().tolist()
        ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9])
    """
    noise = _chains_of(classifier)
    require(
        noise.chains >= 2,
        "A and I need a chain each, the classifier has one; train with chains=2 or more",
    )
    for chain in (*attack, *inference):
        require(
            0 <= chain < noise.chains,
            f"there are chains 0 … {noise.chains - 1}, got {chain}",
        )
    both = sorted(set(attack) & set(inference))
    require(
        not both and len(attack) > 0 and len(inference) > 0,
        f"A and I need chains of their own, got {list(attack)} and {list(inference)}",
    )
    a, i = (
        _set_of(classifier, chains, stream)
        for chains, stream in ((attack, "attack"), (inference, "inference"))
    )
    return a, i


def _set_of(classifier: StochasticClassifier, chains: Sequence[int], stream: str) -> SampleSet:
    noise, device = _chains_of(classifier), classifier.device
    draws = torch.arange(noise.draws, device=device)
    chosen = torch.cat([chain * noise.draws + draws for chain in chains]).unsqueeze(1)
    origin = Origin(seed=0, stream=stream, stop=len(chosen), classifier=classifier.fingerprint())
    return SampleSet(origin=origin, stored={noise.site: chosen})


@checked_arguments
@neutral
def chain_predictions(classifier: StochasticClassifier, x: ImagesLike) -> xr.Dataset:
    r"""Return $f_c(x, \theta_s)$ of all draws of all chains, for the diagnostics of ArviZ.

    Weights of a network have symmetries, by which chains differ that agree in all predictions:
    judge a chain by these. ``arviz.rhat`` and ``arviz.ess`` take the result as it is.

    Args:
        classifier: a classifier with ``posterior-weights``, such as ``hmc``.
        x: images.

    Returns:
        A dataset with the variable ``prediction`` over chain, draw, example and class.

    Raises:
        ArgumentError: for a classifier without chains.
    """
    noise = _chains_of(classifier)
    images = images_for(classifier, x)
    logits = replay_logits(classifier, images, enumerated(classifier))
    values = discriminants_of(classifier.output).values(logits)
    by_chain = values.unflatten(0, (noise.chains, noise.draws)).cpu().numpy()
    dims = ("chain", "draw", "example", "class")
    coords = {name: np.arange(size) for name, size in zip(dims, by_chain.shape, strict=True)}
    return xr.Dataset({"prediction": (dims, by_chain)}, coords=coords)


def _chains_of(classifier: StochasticClassifier) -> PosteriorWeights:
    """Return the noise that holds the chains.

    Raises:
        ArgumentError: if there is none.
    """
    if isinstance(classifier, Composed):
        for noise in classifier.noise:
            if isinstance(noise, PosteriorWeights):
                return noise
    raise ArgumentError(
        f"expected a classifier with Markov chains (pyrosnn train hmc), got a "
        f"{type(classifier).__name__} without; draw disjoint_sample_sets"
    )
