"""A part of a network without derivatives, with those of a proxy in their place (BPDA)."""

from collections.abc import Callable

import torch
from torch import Tensor

from pyrosnn.errors import require

Part = Callable[[Tensor], Tensor]


def with_proxy(part: Part, proxy: Part | None = None) -> "WithProxy":
    """Return a part of a network that has the derivatives of another.

    For what rounds, compresses or counts: gradients pass through it as through the proxy, so that
    an attack along gradients does not stop there (backward pass differentiable approximation).
    Outputs are those of the part. Put it into your module in the part's place.

    Args:
        part: a module or a function of a tensor. It is given no derivatives to keep, so that it
            may leave torch.
        proxy: a function of the same values that can be differentiated, near the part; None takes
            the identity.

    References:
        A. Athalye, N. Carlini, D. Wagner, Obfuscated gradients give a false sense of security,
        ICML 2018, section 4.1.

    Example:
        >>> eight_grey_levels = with_proxy(lambda x: (x * 7).round() / 7)
        >>> x = torch.tensor([0.1, 0.6], requires_grad=True)
        >>> y = eight_grey_levels(x)
        >>> y.sum().backward()
        >>> y.detach() * 7, x.grad
        (tensor([1., 4.]), tensor([1., 1.]))
    """
    return WithProxy(part, proxy)


class WithProxy(torch.nn.Module):
    """The module that :func:`with_proxy` returns.

    Args:
        part: whose values it has.
        proxy: whose derivatives it has; None is the identity.
    """

    def __init__(self, part: Part, proxy: Part | None = None):
        super().__init__()
        require(callable(part), f"expected a module or a function, got {part!r}")
        require(
            proxy is None or callable(proxy),
            f"expected a module or a function as proxy, or None, got {proxy!r}",
        )
        self.part, self.proxy = part, proxy

    def forward(self, x: Tensor) -> Tensor:
        """Return the part's values, with the proxy's derivatives.

        Raises:
            ArgumentError: for values of another shape than the proxy's.
        """
        with torch.no_grad():
            values = self.part(x.detach())
        near = x if self.proxy is None else self.proxy(x)
        require(
            values.shape == near.shape,
            f"the part returned shape {tuple(values.shape)}, its proxy {tuple(near.shape)}; give a "
            "proxy with outputs of the part's shape",
        )
        # their difference is 0, and differentiable: in forward mode and in reverse mode
        return values.to(near.dtype) + (near - near.detach())
