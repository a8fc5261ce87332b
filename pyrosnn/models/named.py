"""Names of tensors in files, which stay the same when modules are rearranged."""

import re
from collections.abc import Sequence
from typing import Any

import torch

from pyrosnn.models.composed import Composed
from pyrosnn.noise.noise import Noise


class Named(Composed):
    r"""A composed classifier whose ``state_dict`` has names of its own.

    Args:
        network: see :class:`Composed`.
        noise: the same.
        image_shape: the same.
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
        image_shape: tuple[int, ...] | None = None,
        output: str,
        objective: str,
        file_names: Sequence[tuple[str, str]] = (),
    ):
        super().__init__(
            network, noise, image_shape=image_shape, output=output, objective=objective
        )
        self.file_names = names_in_files(list(self.state_dict()), file_names)
        register: Any = self  # torch leaves these two untyped
        register.register_state_dict_post_hook(_to_files)
        register.register_load_state_dict_pre_hook(_from_files)


def _to_files(module: torch.nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    assert isinstance(module, Named)
    for own, name in module.file_names.items():
        state[f"{prefix}{name}"] = state.pop(f"{prefix}{own}")


def _from_files(module: torch.nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    assert isinstance(module, Named)
    for own, name in module.file_names.items():
        if f"{prefix}{name}" in state:
            state[f"{prefix}{own}"] = state.pop(f"{prefix}{name}")


def names_in_files(own: Sequence[str], patterns: Sequence[tuple[str, str]]) -> dict[str, str]:
    r"""Map a module's own names to names in files; names without a pattern stay.

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
            match = re.fullmatch(pattern, name)
            if match:
                names[name] = match.expand(replacement).format(counts[number])
                counts[number] += 1
                break
    return names
