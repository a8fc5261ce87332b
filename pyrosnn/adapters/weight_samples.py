"""Samples of a network's weights, as MCMC and SWAG give them."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from pyrosnn.adapters.copies import copy_in_evaluation_mode
from pyrosnn.adapters.evaluated import as_logits, evaluated_on
from pyrosnn.adapters.members import Members
from pyrosnn.adapters.over_samples import choose, over_samples
from pyrosnn.adapters.posterior_samples import as_tensor, by_sample, samples_of, without_prefix
from pyrosnn.adapters.probe import noise_images
from pyrosnn.errors import ArgumentError, require
from pyrosnn.settings import called_rightly


class WeightSamples(Members):
    """One module with several samples of its weights, all equally likely.

    Args:
        module: returns logits; it is copied.
        samples: at least two, as a list of state dicts, or as a dict of arrays of shape
            (sample, …) or (chain, sample, …): what ``get_samples()`` of MCMC returns, in Pyro or
            NumPyro. Parameters and buffers that they leave out keep the module's values, so that
            samples of the last layer alone will do. A common prefix of all names (``module.``) is
            left out where the module has none.
        image_shape: shape of one image.
        output: what f_c is.
        vectorised: evaluate several samples in one pass (``torch.func.vmap``); None does so if a
            trial gives the same values as one after the other.

    Attributes:
        vectorised: whether that is done.

    References:
        W. J. Maddox et al., A simple baseline for Bayesian uncertainty in deep learning (SWAG),
        NeurIPS 2019.

    Example:
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
        >>> WeightSamples(net, {"1.weight": torch.randn(20, 10, 64)}, (1, 8, 8)).num_members
        20
    """

    @called_rightly
    def __init__(
        self,
        module: torch.nn.Module,
        samples: Iterable[Mapping[str, Tensor]] | Mapping[str, Any],
        image_shape: tuple[int, ...],
        *,
        output: str = "probs",
        vectorised: bool | None = None,
    ):
        copied = copy_in_evaluation_mode(module)
        stacks = _stacks_of(copied, samples)
        super().__init__(image_shape, len(next(iter(stacks.values()))), output=output)
        self.module = copied
        self._names = list(stacks)
        own = self.module.state_dict()
        for number, (name, values) in enumerate(stacks.items()):
            self.register_buffer(f"samples_{number}", values.to(own[name], copy=True))
        trial = {name: values[:2] for name, values in self.stacks().items()}
        x = noise_images(self, 2)
        with evaluated_on(tuple(x.shape)):
            self.vectorised = choose(lambda state: self._of_sample(x, state), trial, vectorised)
        self.settle()

    def stacks(self) -> dict[str, Tensor]:
        """The members' values by name, shape (member, …)."""
        return {name: self.get_buffer(f"samples_{i}") for i, name in enumerate(self._names)}

    def _of_sample(self, x: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        return as_logits(functional_call(self.module, dict(state), (x,)))

    def member_logits(self, x: Tensor, members: Tensor) -> Tensor:
        """Evaluate the module with each member's weights."""
        batch = {name: values[members] for name, values in self.stacks().items()}
        if x.ndim == len(self.image_shape) + 1:
            return over_samples(
                lambda state: self._of_sample(x, state), batch, vectorised=self.vectorised
            )

        def of_own_images(sample: Mapping[str, Tensor]) -> Tensor:
            state = {name: value for name, value in sample.items() if name != IMAGES}
            return self._of_sample(sample[IMAGES], state)

        return over_samples(of_own_images, {**batch, IMAGES: x}, vectorised=self.vectorised)


IMAGES = " images"  # no parameter has such a name


def _stacks_of(module: torch.nn.Module, given: Any) -> dict[str, Tensor]:
    """Return the samples by the module's names, shape (sample, …).

    Raises:
        ArgumentError: naming the tensor, and the state dict where there is a list of them.
    """
    given = samples_of(given)
    own = module.state_dict()
    if isinstance(given, Mapping):
        names = _own_names(own, given)
        renamed = {name: given[other] for other, name in names.items()}
        return by_sample(renamed, {name: own[name].shape for name in renamed})
    states = _listed(given)
    names = _own_names(own, states[0])
    for number, state in enumerate(states):
        require(
            set(state) == set(names),
            f"state dict {number} has other names than the first: "
            f"{', '.join(sorted(set(state) ^ set(names)))}",
        )
        for other, name in names.items():
            shape = tuple(as_tensor(name, state[other]).shape)
            require(
                shape == own[name].shape,
                f"'{name}' has shape {shape} in state dict {number}, the module's has "
                f"{tuple(own[name].shape)}",
            )
    return {
        name: torch.stack([as_tensor(name, state[other]) for state in states])
        for other, name in names.items()
    }


def _listed(given: Any) -> list[Mapping[str, Any]]:
    """Return the state dicts of an iterable.

    Raises:
        ArgumentError: for something else, or fewer than two.
    """
    states = list(given) if isinstance(given, Iterable) else [given]
    for state in states:
        require(
            isinstance(state, Mapping),
            f"expected state dicts, or a dict of arrays of samples; got a {type(state).__name__}",
        )
    require(len(states) >= 2, f"expected at least two members, got {len(states)}")
    return states


def _own_names(own: Mapping[str, Tensor], state: Mapping[str, Any]) -> dict[str, str]:
    """Return the module's names by those of a state; refuse names that it does not have.

    Raises:
        ArgumentError: naming the tensor.
    """
    require(len(state) >= 1, "the state dicts are empty; expected parameters by name")
    names = without_prefix(state, own)
    for name in names.values():
        if name not in own and name.endswith(("_sq_mean", "_cov_mat_sqrt")):
            raise ArgumentError(
                f"'{name}' is a moment of SWAG, expected samples of the weights; call its sample() "
                "and copy.deepcopy(swag.base) for each, and make an Ensemble of the copies"
            )
    for name in names.values():
        require(
            name in own, f"the module has no parameter or buffer '{name}'; it has {', '.join(own)}"
        )
    return names
