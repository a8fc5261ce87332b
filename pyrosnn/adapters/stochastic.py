"""Any stochastic module as a classifier: its random numbers become sample sites."""

import warnings
from typing import Any

import pyro
import torch
from torch import Tensor
from torch.nn.parameter import UninitializedParameter

from pyrosnn.adapters.adapter import Adapter
from pyrosnn.adapters.copies import copy_or_itself, plain
from pyrosnn.adapters.probe import noise_images
from pyrosnn.adapters.pyro_program import draws_with_pyro
from pyrosnn.adapters.replay.draws import Draw
from pyrosnn.adapters.replay.evaluation_mode import SITE, EvaluationMode, evaluation_mode
from pyrosnn.adapters.replay.find import REPLAYS, find_path
from pyrosnn.adapters.replay.noise_modes import MODES, find_modes, require_same_draws
from pyrosnn.adapters.replay.passes import Passes, evaluation_modes
from pyrosnn.adapters.replay.trial import Trial
from pyrosnn.errors import PyrosnnWarning, require, row_of
from pyrosnn.networks.function import Differentiated, Identity
from pyrosnn.networks.network import Parts
from pyrosnn.settings import called_rightly
from pyrosnn.shapes import Sites


class Stochastic(Adapter):
    """Any module that draws random numbers in ``forward``, as a stochastic classifier.

    Every number that a forward pass draws through torch (dropout of any kind, ``randn_like``,
    ``normal_``, ``torch.distributions``, noise in buffers, random weights …) is a sample site: the
    standard draw, so that a scale that depends on x stays in the module. A site has a value for
    each image where its draw has an axis of images, and one for all where it has none. All samples
    of a chunk are evaluated at once where the module allows it.

    The module is copied where it can be, and runs with its state put back after every pass.

    Args:
        module: takes images, returns logits.
        image_shape: shape of one image.
        output: what f_c is.
        mode: in which the module predicts: ``evaluation``, ``training`` (of those parts that draw
            in it; all else is in evaluation mode), or ``own``, as its parts are, but for norms.
            None finds it: evaluation mode, unless training mode alone has noise. More noise in
            training mode than in evaluation mode is an error.
        per_example: a value of each draw for each image, where it has an axis of images, or one
            for all images.
        returns: ``logits`` (or log-probabilities), or ``probs`` for probabilities, scores and
            votes, which are normalised to sum 1. None takes logits, and refuses numbers in [0, 1].
        part: key or index of the logits where the module returns several things.
        replay: how samples are replayed; None takes the first that a trial finds right.

            - ``vmap``: all samples at once, what comes before the first draw only once;
            - ``batch``: all samples at once, as one batch;
            - ``loop``: one sample after the other;
            - ``seeds``: one image and sample after the other, from its seed: for draws that depend
              on the image or on earlier draws, and for numpy's and Python's generators.

    Attributes:
        replay: how samples are replayed.

    Raises:
        NotStochasticError: for a module whose outputs do not vary.
        ArgumentError: for a module that does not take such images, returns no logits, has more
            noise in training mode than in evaluation mode, or draws with ``pyro.sample``.

    Example:
        >>> class Noisy(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.linear = torch.nn.Linear(64, 10)
        ...     def forward(self, x):
        ...         return self.linear((x + 0.3 * torch.randn_like(x)).flatten(1))
        >>> noisy = Stochastic(Noisy(), (1, 8, 8))
        >>> noisy.replay, {name: str(draw) for name, draw in noisy.draws.items()}
        ('vmap', {'normal_0': 'randn_like in its forward'})
    """

    not_replayed = (
        "draw from torch's, numpy's or Python's generators, and keep no state that changes the "
        "next pass"
    )

    @called_rightly
    def __init__(
        self,
        module: torch.nn.Module,
        image_shape: tuple[int, ...],
        *,
        output: str = "probs",
        mode: str | None = None,
        per_example: bool = True,
        returns: str | None = None,
        part: Any = None,
        replay: str | None = None,
    ):
        super().__init__(image_shape, output=output)
        require(isinstance(per_example, bool), f"per_example must be a bool, got {per_example!r}")
        for value, table in ((mode, MODES), (replay, REPLAYS)):
            if value is not None:
                row_of(table, value, "mode" if table is MODES else "replay")
        self.module = copy_or_itself(module)
        self._shared = self.module is plain(module)
        _require_initialised(self.module)
        two = noise_images(self, 2)
        if self._shared:
            warnings.warn(
                "the module cannot be copied, or its hooks refer to its own parts, and is used as "
                "it is: training it on changes the classifier",
                PyrosnnWarning,
                stacklevel=2,
            )
        self._require_no_pyro(two)
        require_same_draws(self.module, two)
        passes = Passes(self.module, find_modes(self.module, two, mode))
        if not self._shared:
            passes.stay_in_modes()  # which spares every pass to set and restore them
        passes.watch(two)
        trial = Trial(passes, self.image_shape, lambda n, seed: noise_images(self, n, seed))
        self._path = find_path(trial, replay, returns=returns, part=part, per_example=per_example)
        self.replay = self._path.name
        self._noise_free: EvaluationMode | None = None
        self.says_what_it_returns = returns is not None
        self.per_example = self._path.per_example
        self.vectorized_guide = self._path.vectorised_draws
        self.settle()

    def freeze(self) -> None:
        """Freeze the parameters of a copy; those of the user's own module stay as they are."""
        if not self._shared:
            super().freeze()

    def _require_no_pyro(self, x: Tensor) -> None:
        """Refuse a Pyro model, whose draws in a plain call are those of the prior."""
        passes = Passes(self.module, evaluation_modes(self.module))
        passes.watch(x)
        with passes.running():
            drawn = draws_with_pyro(self.module, x)
        require(
            not drawn,
            "the module draws with pyro.sample, and from its prior if it is called alone; give it "
            "and its guide, or samples of its posterior, to PyroClassifier(model, guide, "
            "image_shape)",
        )

    @property
    def num_members(self) -> int:
        """The number of members that a pass evaluates at once; 0 if it has none."""
        return self._path.num_members

    def member_sites(self, members: Tensor) -> Sites:
        """Return samples that are the given members, for :func:`disjoint_members`."""
        return {"member": members.unsqueeze(1)}

    def parts(self, sites: Sites) -> Parts:
        """Differentiate the module in the mode that agrees with its gradient."""
        return Parts(
            Identity(),
            Differentiated(
                lambda x: self.logits(x, sites),
                len(self.image_shape) + 1,
                forward_mode=self._path.forward_mode,
            ),
        )

    @property
    def draws(self) -> dict[str, Draw]:
        """The draws of a forward pass by site, in order; empty where seeds are replayed."""
        return {site.name: site.draw for site in self._path.sites}

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw all standard draws, or the seeds."""
        return self._path.sample(x, images)

    def mean_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Declare evaluation mode if the module draws nothing in it, else all draws at their means.

        Raises:
            NoNoiseFreeError: for draws whose mean is not their absence.
        """
        without_noise = self._in_evaluation_mode()
        if without_noise is not None:
            return without_noise.sample(x, images)
        self._path.require_means()
        return super().mean_sites(x, images)

    def _in_evaluation_mode(self) -> EvaluationMode | None:
        """Return the module in evaluation mode; None if it draws in it, or has members."""
        if self._noise_free is None and self.num_members == 0:
            path, two = self._path, noise_images(self, 2)
            self._noise_free = evaluation_mode(self.module, two, path.returned, self.image_shape)
        return self._noise_free

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the module with stored draws."""
        path = self._in_evaluation_mode() if SITE in sites else self._path
        assert path is not None  # which declared the site
        return path.logits(x, sites)


def _require_initialised(module: torch.nn.Module) -> None:
    """Refuse lazy layers that were never called."""
    lazy = [
        name
        for name, value in module.named_parameters()
        if isinstance(value, UninitializedParameter)
    ]
    require(not lazy, f"{', '.join(lazy)} have no shape yet; call the module on images first")
