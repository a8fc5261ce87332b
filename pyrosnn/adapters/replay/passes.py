"""A pass of a module that leaves no trace: what it changes is put back after it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from pyrosnn.adapters.evaluated import evaluated_on
from pyrosnn.adapters.replay.checkpointing import without_checkpointing
from pyrosnn.networks.edited import ONE_AT_A_TIME, every_submodule_is_called
from pyrosnn.neutral import neutral_modes

Place = tuple[str, str, str]  # submodule, kind of attribute, name
Modes = Mapping[str, bool]  # whether a submodule is in training mode


class Passes:
    """Passes of a module, with modes, buffers and attributes put back after each.

    Tensors that a pass overwrites are lent to it as copies, so that the graph of an earlier pass
    keeps its own.

    Args:
        module: the module.
        modes: of its submodules, by name; the others keep theirs.
    """

    def __init__(self, module: torch.nn.Module, modes: Modes):
        self.module, self.modes = module, dict(modes)
        self._parts = dict(module.named_modules())
        self._overwritten: frozenset[Place] = frozenset()

    def watch(self, x: Tensor) -> None:
        """Find the tensors that a pass overwrites.

        Args:
            x: images.
        """
        before = {place: value.clone() for place, value in _tensors(self.module).items()}
        with evaluated_on(tuple(x.shape)), self.running(), torch.no_grad():
            self.module(x.clone())
            after = _tensors(self.module)
            changed = {p for p, value in after.items() if p in before and _differ(value, before[p])}
        self._overwritten |= changed
        for place in changed:  # they were not lent yet
            _tensors(self.module)[place].data.copy_(before[place])

    def stay_in_modes(self) -> None:
        """Leave the module in the modes that it runs in."""
        _set_modes(self._parts, self.modes)

    def _other_modes(self) -> dict[str, bool]:
        """Return the modes of the parts that are not in the mode that they run in."""
        parts = self._parts
        return {n: parts[n].training for n, mode in self.modes.items() if parts[n].training != mode}

    def lent_buffers(self) -> dict[str, Tensor]:
        """Return the buffers and parameters that a pass overwrites, by full name."""
        return {
            f"{name}.{key}" if name else key: _home(self._parts[name], kind)[key].detach()
            for name, kind, key in self._overwritten
            if kind != "attribute"
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        """Set the modes, lend copies of what is overwritten, and put all back at the end."""
        with ONE_AT_A_TIME, ExitStack() as stack:
            stack.enter_context(every_submodule_is_called())
            stack.enter_context(without_checkpointing())
            grad = torch.is_grad_enabled()
            stack.enter_context(neutral_modes())  # inference mode hides draws
            stack.enter_context(torch.set_grad_enabled(grad))
            # fused attention draws where no mode sees it, and has no forward mode
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            parts, modes = self._parts, self._other_modes()
            written = {name for name, _, _ in self._overwritten}
            saved = [
                (part, _saved(part))
                for name, part in parts.items()
                if name in written or not _keeps_nothing(part)
            ]
            try:
                _set_modes(parts, {name: self.modes[name] for name in modes})
                for name, kind, key in self._overwritten:
                    home = _home(parts[name], kind)
                    home[key] = home[key].detach().clone()
                yield
            finally:
                for part, attributes in saved:
                    _put_back(part, attributes)
                _set_modes(parts, modes)


@contextmanager
def following(module: torch.nn.Module) -> Iterator[list[str]]:
    """Follow which submodule is running.

    Args:
        module: the module.

    Yields:
        The names of the running submodules, the innermost last.
    """
    names = {id(part): name for name, part in module.named_modules()}
    running = [""]

    def enter(part: torch.nn.Module, inputs: Any) -> None:
        running.append(names.get(id(part), running[-1]))

    def leave(part: torch.nn.Module, inputs: Any, output: Any) -> None:
        running.pop()

    handles = [
        register_module_forward_pre_hook(enter),
        register_module_forward_hook(leave, always_call=True),
    ]
    try:
        yield running
    finally:
        for handle in handles:
            handle.remove()


def evaluation_modes(module: torch.nn.Module) -> dict[str, bool]:
    """Return the modes with all parts in evaluation mode."""
    return dict.fromkeys(dict(module.named_modules()), False)


def training_modes(module: torch.nn.Module) -> dict[str, bool]:
    """Return the modes with all parts in training mode but those with running statistics."""
    return {name: not isinstance(part, _NormBase) for name, part in module.named_modules()}


def own_modes(module: torch.nn.Module) -> dict[str, bool]:
    """Return the modes as they are, but evaluation mode for parts with running statistics."""
    return {
        name: part.training and not isinstance(part, _NormBase)
        for name, part in module.named_modules()
    }


def _compiled(part: torch.nn.Module) -> bool:
    return isinstance(part, torch.jit.ScriptModule)  # its attributes are not Python's


def _keeps_nothing(part: torch.nn.Module) -> bool:
    """Return whether a pass cannot change a part's attributes: torch's own layers have no state.

    Parts with hooks may be changed by these, and norms count batches.
    """
    own = type(part).__module__.startswith("torch.nn.modules.")
    hooks = part._forward_hooks or part._forward_pre_hooks
    return _compiled(part) or (own and not hooks and not isinstance(part, _NormBase))


def _set_modes(parts: Mapping[str, torch.nn.Module], modes: Modes) -> None:
    for name, mode in modes.items():
        parts[name].training = mode


def _saved(part: torch.nn.Module) -> dict[str, Any]:
    """Return a part's attributes, with copies of its containers."""
    return {name: _container(value) for name, value in part.__dict__.items()}


def _container(value: Any) -> Any:
    kept = isinstance(value, dict | list | set)
    return (value, value.copy()) if kept else (value, None)


def _put_back(part: torch.nn.Module, attributes: dict[str, Any]) -> None:
    part.__dict__.clear()
    for name, (value, content) in attributes.items():
        if content is not None:
            value.clear()
            value.extend(content) if isinstance(value, list) else value.update(content)
        part.__dict__[name] = value


def _home(part: torch.nn.Module, kind: str) -> dict[str, Any]:
    home: dict[str, Any] = part.__dict__ if kind == "attribute" else part.__dict__[kind]
    return home


def _tensors(module: torch.nn.Module) -> dict[Place, Tensor]:
    """Return all tensors that a module holds, by where they are."""
    found = {}
    for name, part in module.named_modules():
        if _compiled(part):
            continue
        for kind in ("_parameters", "_buffers", "attribute"):
            for key, value in _home(part, kind).items():
                if isinstance(value, Tensor):
                    found[name, kind, key] = value
    return found


def _differ(value: Tensor, before: Tensor) -> bool:
    if value.shape != before.shape or value.dtype != before.dtype:
        return True
    return not torch.equal(value.detach().nan_to_num(), before.detach().nan_to_num())
