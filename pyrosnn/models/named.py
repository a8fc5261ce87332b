"""Names of tensors in files, which do not change when modules are arranged anew."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pyrosnn.models.classifier import Output
from pyrosnn.models.composed import Composed
from pyrosnn.noise.noise import Noise


class Named(Composed):
    r"""A composed classifier whose ``state_dict`` has names of its own.

    Args:
        network: see :class:`Composed`.
        noise: the same.
        output: the same.
        objective: the same.
        file_names: patterns of the module's names and what stands in files for them; the first
            that matches is taken. ``{}`` counts the matches, ``\1`` is a group.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        noise: Sequence[Noise],
        *,
        output: Output,
        objective: str,
        file_names: Sequence[tuple[str, str]] = (),
    ):
        super().__init__(network, noise, output=output, objective=objective)
        self._file_names = names_in_files(list(super().state_dict()), file_names)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Return parameters and buffers by their names in files."""
        prefix = kwargs.get("prefix", "")
        state: dict[str, Any] = super().state_dict(*args, **kwargs)
        for own, name in self._file_names.items():
            state[f"{prefix}{name}"] = state.pop(f"{prefix}{own}")
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Tensor], strict: bool = True, assign: bool = False
    ) -> Any:
        """Load parameters and buffers that have their names in files."""
        own_names = {name: own for own, name in self._file_names.items()}
        state = {own_names.get(name, name): value for name, value in state_dict.items()}
        return super().load_state_dict(state, strict, assign)


def names_in_files(own: Sequence[str], patterns: Sequence[tuple[str, str]]) -> dict[str, str]:
    r"""Return the names in files by the module's own names; those without a pattern keep theirs.

    Args:
        own: names of a module's tensors.
        patterns: see :class:`Named`.

    Example:
        >>> names_in_files(["a.weight", "b.weight"], [(r"\w+\.weight", "means.{}")])
        {'a.weight': 'means.0', 'b.weight': 'means.1'}
    """
    names = {}
    counts = [0] * len(patterns)
    for name in own:
        for number, (pattern, replacement) in enumerate(patterns):
            found = re.fullmatch(pattern, name)
            if found:
                names[name] = found.expand(replacement).format(counts[number])
                counts[number] += 1
                break
    return names
