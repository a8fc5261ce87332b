"""Samples of the posterior of weights by Hamiltonian Monte Carlo, in the place of a training."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from pyro.infer import MCMC, NUTS
from torch import Tensor
from torch.nn.functional import cross_entropy

from pyrosnn.data.dataset import Dataset
from pyrosnn.models.composed import Composed
from pyrosnn.networks.network import Network, Weights
from pyrosnn.noise.posterior_weights import PosteriorWeights
from pyrosnn.shapes import Images, Labels
from pyrosnn.training.loop import TrainingProgress
from pyrosnn.training.presets import require_usual
from pyrosnn.training.spec import TrainingSpec
from pyrosnn.training.state import TrainingState

# From a vector of all weights to the negative log of their density, up to a constant.
Potential = Callable[[Tensor], Tensor]


def run_chains(
    classifier: Composed,
    spec: TrainingSpec,
    dataset: Dataset,
    *,
    progress: Callable[[TrainingProgress], None] | None = None,
    resume: TrainingState | None = None,
    keep: Callable[[TrainingState], None] | None = None,
) -> None:
    """Sample the posterior of a classifier's weights given all training images.

    Args:
        classifier: a network with :class:`PosteriorWeights`.
        spec: settings, of which only the model's options and the seed are used.
        dataset: its training split is used.
        progress: called after each chain, with the potential energy per image as the loss.
        resume: there is none: chains are not resumed.
        keep: not called.

    Raises:
        ArgumentError: for settings of steps, images or terms other than the presets'.
    """
    require_usual(spec)
    noise = next(one for one in classifier.noise if isinstance(one, PosteriorWeights))
    network, x = classifier.network, dataset.x_train.to(classifier.device)
    y, shapes = dataset.y_train.to(classifier.device), [s.shape[2:] for s in noise.samples]
    potential = posterior_potential(network, noise.weighted, x, y)
    for chain in range(noise.chains):
        drawn = sample_chain(
            potential,
            torch.cat([torch.randn(shape, device=x.device).flatten() for shape in shapes]),
            draws=noise.draws,
            warm_up=noise.warm_up_steps,
            tree_depth=noise.tree_depth,
        )
        for kept, values in zip(noise.samples, unflattened(drawn, shapes), strict=True):
            kept[chain] = values
        if progress is not None:
            loss = float(potential(drawn[-1])) / len(x)
            progress(TrainingProgress(epoch=chain + 1, epochs=noise.chains, loss=loss))


def posterior_potential(network: Network, places: Sequence[str], x: Images, y: Labels) -> Potential:
    r"""Return $w \mapsto -\sum_n \log p(y_n \mid x_n, w) + \frac12 \|w\|^2$.

    Args:
        network: the network.
        places: places with random weights; w is the row of all their numbers.
        x: images.
        y: labels.

    Example:
        >>> from pyrosnn.networks.dense import dense
        >>> x, y = torch.rand(5, 1, 2, 2), torch.zeros(5, dtype=torch.long)
        >>> potential = posterior_potential(dense((1, 2, 2), 3, ()), ["last"], x, y)
        >>> bool(torch.isclose(potential(torch.zeros(15)), 5 * torch.tensor(3.0).log()))
        True
    """
    shapes = [network.matrix(place).shape for place in places]

    def potential(w: Tensor) -> Tensor:
        matrices = unflattened(w.unsqueeze(0), shapes)
        edits = {place: [Weights(matrix)] for place, matrix in zip(places, matrices, strict=True)}
        logits = network.logits(x, edits)[0]
        return cross_entropy(logits, y, reduction="sum") + 0.5 * w.square().sum()

    return potential


def unflattened(rows: Tensor, shapes: Sequence[torch.Size]) -> list[Tensor]:
    """Return the tensors of given shapes that rows are made of, with the rows' first axis."""
    parts = rows.split([shape.numel() for shape in shapes], dim=-1)
    return [part.unflatten(-1, shape) for part, shape in zip(parts, shapes, strict=True)]


def sample_chain(
    potential: Potential, start: Tensor, *, draws: int, warm_up: int, tree_depth: int = 10
) -> Tensor:
    """Run the No-U-Turn sampler from torch's current random state.

    Args:
        potential: negative log of the density, up to a constant.
        start: where the chain starts, shape (dimension,).
        draws: number of draws that are kept.
        warm_up: number of steps before them, which adapt the step size and the masses.
        tree_depth: largest depth of a trajectory.

    Returns:
        Shape (draw, dimension).
    """
    kernel: Any = NUTS(  # untyped
        potential_fn=lambda values: potential(values["w"]), max_tree_depth=tree_depth
    )
    chain: Any = MCMC(
        kernel,
        num_samples=draws,
        warmup_steps=warm_up,
        initial_params={"w": start},
        disable_progbar=True,
    )
    chain.run()
    drawn: Tensor = chain.get_samples()["w"]
    return drawn.detach()
