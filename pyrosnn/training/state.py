"""The state of a training after an epoch; resumed from it, a training ends at the same weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from pyrosnn.models.classifier import StochasticClassifier

CLASSIFIER, OPTIMIZER, RANDOM = "classifier", "optimizer", "random"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingState:
    """The state that the rest of a training depends on, besides its settings and data.

    Attributes:
        epoch: epochs done.
        tensors: copies on the CPU, by name: ``classifier.…`` the parameters and buffers,
            ``optimizer.N.…`` the optimizer's values for parameter N, ``random.…`` the states of
            the random generators. The learning rate is a function of the epoch.
    """

    epoch: int
    tensors: Mapping[str, Tensor]

    @classmethod
    def capture(
        cls, epoch: int, classifier: StochasticClassifier, optimizer: Optimizer
    ) -> "TrainingState":
        """Copy the state after an epoch; call it within the training's own random state.

        Args:
            epoch: epochs done.
            classifier: what is trained.
            optimizer: what moves its parameters.
        """
        entries = {f"{CLASSIFIER}.{name}": v for name, v in classifier.state_dict().items()}
        for index, values in optimizer.state_dict()["state"].items():
            for name, value in values.items():
                if value is not None:
                    entries[f"{OPTIMIZER}.{index}.{name}"] = torch.as_tensor(value)
        for name, value in _random_states(classifier.device).items():
            entries[f"{RANDOM}.{name}"] = value
        # of one layout: files know no other
        tensors = {n: v.detach().cpu().contiguous().clone() for n, v in entries.items()}
        return cls(epoch=epoch, tensors=tensors)

    def restore(self, classifier: StochasticClassifier, optimizer: Optimizer) -> None:
        """Restore the values and the random generators' states.

        Args:
            classifier: built with the settings of the training.
            optimizer: of its parameters.

        Raises:
            KeyError, ValueError, RuntimeError: if the values are not those of this training.
        """
        classifier.load_state_dict(self._part(CLASSIFIER))
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in self._part(OPTIMIZER).items():
            index, name = key.split(".")
            state.setdefault(int(index), {})[name] = like(value, parameters[int(index)])
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
        random = self._part(RANDOM)
        torch.set_rng_state(random["cpu"])
        if classifier.device.type == "cuda":
            torch.cuda.set_rng_state(random["cuda"], classifier.device)

    def _part(self, part: str) -> dict[str, Tensor]:
        prefix = f"{part}."
        return {
            name.removeprefix(prefix): value
            for name, value in self.tensors.items()
            if name.startswith(prefix)
        }


def like(value: Tensor, parameter: Tensor) -> Tensor:
    """Return a value with a parameter's layout in memory, if it has its shape.

    Optimizers round alike only where values lie alike.
    """
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, device="cpu").copy_(value)


def _random_states(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states
