"""`transfer`: the perturbations of PGD on another classifier, applied to this one."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge
from torch import Tensor

from pyrosnn.attacks.pgd import PGD
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.sources import NOISE_FREE, open_source, require_like, require_source, written
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set

STREAM = "transfer"


@dataclass(frozen=True, kw_only=True)
class Transfer(PGD):
    r"""PGD on another classifier, the source; this one is attacked with what it finds.

    It shows whether an attack that never saw the classifier and its noise does as well as one that
    did: then gradients hide something. By default the source is the noise-free network of the
    classifier itself (:func:`pyrosnn.noise_free`).

    Samples of the source are of a stream of their own, fresh in each step unless they are fixed. A
    is used for ``labels="predicted"`` alone. Gradients are counted as those of any attack.

    Attributes:
        source: classifier that PGD runs on: ``noise-free``, a checkpoint, or
            package.module:function. In Python also the classifier itself.
        source_samples: number of samples of the source in each step; more than 1 where it is
            random.

    References:
        N. Papernot, P. McDaniel, I. Goodfellow, Transferability in machine learning, 2016.

    Example:
        >>> Transfer(norm="linf", strength=0.1).source
        'noise-free'
    """

    source: str | StochasticClassifier = NOISE_FREE
    source_samples: Annotated[int, Ge(1)] = 1

    follows_gradient: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: for a source that is neither a text nor a classifier.
        """
        super().__post_init__()
        require_source(self.source)

    @property
    def options(self) -> dict[str, Any]:
        """The settings, with a source that is a classifier by its type and fingerprint."""
        return {**super().options, "source": written(self.source)}

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Run PGD on the source.

        Raises:
            ArgumentError: for a source of other images, classes or precision.
        """
        source = open_source(self.source, problem.classifier)
        require_like(source, problem.classifier)
        o = problem.samples.origin
        samples = draw_sample_set(
            source,
            problem.x,
            self.source_samples,
            seed=o.seed,
            stream=STREAM if o.stream == "attack" else f"{o.stream}-{STREAM}",
            repeat=o.repeat,
            block=o.block,
            start=o.start,
            memory_budget=problem.samples.memory_budget,
        )
        there = problem.on(source, samples)
        delta = super().run(there, strength)
        problem.num_gradients += there.num_gradients
        problem.num_queries += there.num_queries
        problem.saw(~there.zero_gradient)
        return delta
