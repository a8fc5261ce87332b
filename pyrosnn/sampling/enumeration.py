"""`enumerated`: all values of Θ with their probabilities, where there are finitely many."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Protocol, runtime_checkable

import torch
from pyro.infer.enum import config_enumerate, iter_discrete_traces
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.sampling.sample_set import Origin, SampleSet
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import Sites

MOST = 20_000  # states; each takes as long as a sample
TOLERANCE = 1e-4  # of a sum of float32 probabilities


@runtime_checkable
class HasMembers(Protocol):
    """A classifier with a finite number of samples, all equally likely.

    Attributes:
        num_members: how many; 0 where there is no such number.
        device: where they are.
    """

    num_members: int

    @property
    def device(self) -> torch.device:
        """The device of the classifier."""

    def member_sites(self, members: Tensor) -> Sites:
        """Return the samples with these indices."""


@checked_arguments
@neutral
def enumerated(classifier: StochasticClassifier, *, stream: str = "inference") -> SampleSet:
    r"""Return all values of Θ, each once and with its probability: an exact sample set.

    Means over it are expectations: $f^S(x) = \mathrm E f(x, \Theta)$, and an attack on it has the
    gradient of $S_A = \infty$. Values are shared by all images, which is right for noise of each
    image, too: an image's expectation does not depend on the noise of others.

    Args:
        classifier: members of an ensemble, samples of weights, or noise from laws with finitely
            many values, as the states of ``resize-pad``.
        stream: ``inference`` for I; ``attack`` for an attacker.

    Returns:
        The set; its ``weights`` are None where all values are equally likely.

    Raises:
        ArgumentError: for a law with infinitely many values, or more than 20,000 of them.

    Example:
        >>> from pyrosnn.models import build_model
        >>> padded = build_model("resize-pad", image_shape=(1, 8, 8), num_classes=10)
        >>> states = enumerated(padded)
        >>> smallest, largest = (states.weights[[0, -1]] / states.total).tolist()
        >>> len(states), round(1 / smallest, 4), round(1 / largest, 4)
        (13, 18.0, 8.0)
    """
    if isinstance(classifier, HasMembers) and classifier.num_members > 0:
        members = torch.arange(classifier.num_members, device=classifier.device)
        return _set_of(classifier, classifier.member_sites(members), None, stream)
    (sites, probabilities), (_, again) = (_states(classifier, seed=seed) for seed in (0, 1))
    require(
        torch.equal(probabilities, again),
        f"the laws of the {type(classifier).__name__}'s sample sites are random themselves, so "
        "that Θ cannot be enumerated; draw_sample_set",
    )
    total = float(probabilities.sum())
    require(
        abs(total - 1) <= TOLERANCE,
        f"the probabilities of the {len(probabilities)} values of Θ sum to {total:.6g}, not to 1; "
        "draw_sample_set",
    )
    alike = bool(torch.allclose(probabilities, probabilities.mean(), rtol=TOLERANCE, atol=0))
    weights = None if alike else probabilities * (len(probabilities) / total)
    return _set_of(classifier, sites, weights, stream)


def _set_of(
    classifier: StochasticClassifier, sites: Sites, weights: Tensor | None, stream: str
) -> SampleSet:
    number = len(next(iter(sites.values())))
    origin = Origin(seed=0, stream=stream, stop=number, classifier=classifier.fingerprint())
    return SampleSet(origin=origin, stored=sites, weights=weights, exact=True)


def _states(classifier: StochasticClassifier, *, seed: int) -> tuple[dict[str, Tensor], Tensor]:
    """Return the values of all sites, shape (state, 1, *event), and their probabilities."""
    x = torch.full(
        (1, *classifier.image_shape), 0.5, dtype=classifier.dtype, device=classifier.device
    )
    with forked_rng(seed_sequence(seed, "enumerated"), classifier.device), torch.no_grad():
        traces = list(islice(_traces(classifier, x), MOST + 1))
    require(
        len(traces) <= MOST,
        f"Θ has more than {MOST:,} values, too many to evaluate each; draw_sample_set",
    )
    nodes = [{n: trace.nodes[n] for n in trace.stochastic_nodes} for trace in reversed(traces)]
    require(len(nodes[0]) > 0, f"the {type(classifier).__name__} draws no sample site")
    logarithms = torch.stack(
        [sum(site["fn"].log_prob(site["value"]).sum() for site in of.values()) for of in nodes]
    )
    sites = {
        name: torch.stack([of[name]["value"] for of in nodes]).reshape(
            len(nodes), 1, *site["fn"].event_shape
        )
        for name, site in nodes[0].items()
    }
    return sites, logarithms.double().exp()


def _traces(classifier: StochasticClassifier, x: Tensor) -> Iterator[Any]:
    """Yield a trace of the guide for each value; refuse laws whose values cannot be listed.

    Raises:
        ArgumentError: naming the site.
    """
    guide = config_enumerate(classifier.guide, "sequential")
    for trace in iter_discrete_traces("flat", guide, x):
        pruned = prune_subsample_sites(trace)
        for name in pruned.stochastic_nodes:
            law: Any = pruned.nodes[name]["fn"]
            require(
                law.has_enumerate_support,
                f"the values of site '{name}' ({type(getattr(law, 'base_dist', law)).__name__}) "
                "cannot be listed, so that Θ cannot be enumerated; draw_sample_set",
            )
        yield pruned
