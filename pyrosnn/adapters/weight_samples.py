"""Samples of a network's weights, as MCMC and SWAG give them."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from pyrosnn.adapters.copies import copy_in_evaluation_mode
from pyrosnn.adapters.evaluated import as_logits, evaluated_on
from pyrosnn.adapters.members import Members
from pyrosnn.adapters.over_samples import choose, over_samples
from pyrosnn.adapters.probe import noise_images
from pyrosnn.errors import require


class WeightSamples(Members):
    """One module with several state dicts, all equally likely.

    Args:
        module: returns logits; it is copied.
        state_dicts: at least two; parameters and buffers by name. Those that they leave out keep
            the module's values, so that samples of the last layer alone will do.
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
        >>> samples = [{"1.weight": torch.randn(10, 64)} for _ in range(20)]
        >>> WeightSamples(net, samples, (1, 8, 8)).num_members
        20
    """

    def __init__(
        self,
        module: torch.nn.Module,
        state_dicts: Sequence[Mapping[str, Tensor]],
        image_shape: tuple[int, ...],
        *,
        output: str = "probs",
        vectorised: bool | None = None,
    ):
        super().__init__(image_shape, len(state_dicts), output=output)
        self.module = copy_in_evaluation_mode(module)
        self._names = _common_names(self.module, state_dicts)
        own = self.module.state_dict()
        for number, name in enumerate(self._names):
            values = [state[name].detach().to(own[name]) for state in state_dicts]
            self.register_buffer(f"samples_{number}", torch.stack(values))
        trial = {name: values[:2] for name, values in self._stacks().items()}
        x = noise_images(self, 2)
        with evaluated_on(tuple(x.shape)):
            self.vectorised = choose(lambda state: self._of_sample(x, state), trial, vectorised)
        self.settle()

    def _stacks(self) -> dict[str, Tensor]:
        """The members' values by name, shape (member, …)."""
        return {name: self.get_buffer(f"samples_{i}") for i, name in enumerate(self._names)}

    def _of_sample(self, x: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        return as_logits(functional_call(self.module, dict(state), (x,)))

    def member_logits(self, x: Tensor, members: Tensor) -> Tensor:
        """Evaluate the module with each member's weights."""
        batch = {name: values[members] for name, values in self._stacks().items()}
        if x.ndim == len(self.image_shape) + 1:
            return over_samples(
                lambda state: self._of_sample(x, state), batch, vectorised=self.vectorised
            )

        def of_own_images(sample: Mapping[str, Tensor]) -> Tensor:
            state = {name: value for name, value in sample.items() if name != IMAGES}
            return self._of_sample(sample[IMAGES], state)

        return over_samples(of_own_images, {**batch, IMAGES: x}, vectorised=self.vectorised)


IMAGES = " images"  # no parameter has such a name


def _common_names(module: torch.nn.Module, states: Sequence[Mapping[str, Tensor]]) -> list[str]:
    """Return the common names of all state dicts; refuse names or shapes that do not fit.

    Raises:
        ArgumentError: naming the state dict and the tensor.
    """
    own = module.state_dict()
    names = list(states[0])
    for number, state in enumerate(states):
        require(
            set(state) == set(names),
            f"state dict {number} has other names than the first: "
            f"{', '.join(sorted(set(state) ^ set(names)))}",
        )
        for name, value in state.items():
            require(
                name in own,
                f"the module has no parameter or buffer '{name}'; it has {', '.join(own)}",
            )
            require(
                value.shape == own[name].shape,
                f"'{name}' has shape {tuple(value.shape)} in state dict {number}, the module's "
                f"has {tuple(own[name].shape)}",
            )
    require(len(names) >= 1, "the state dicts are empty; expected parameters by name")
    return names
