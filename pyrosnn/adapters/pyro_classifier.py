"""A user's Pyro model and guide, including autoguides."""

import copy
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.distributions import Delta
from torch import Tensor

from pyrosnn.adapters.adapter import Adapter
from pyrosnn.adapters.fixed_sites import FixedParameters, FixedSites, alone, logits_at
from pyrosnn.adapters.over_samples import choose, over_samples
from pyrosnn.adapters.probe import noise_images
from pyrosnn.adapters.pyro_program import (
    Nodes,
    Program,
    copy_programs,
    drawn_sites,
    is_label,
    parameters_of,
    recorded_traces,
    run,
    store_without,
)
from pyrosnn.errors import ArgumentError, require
from pyrosnn.shapes import Sites

IMAGES = " images"  # no site has such a name


class PyroClassifier(Adapter):
    """A trained Pyro model and guide, each called with the images alone: ``model(x)``.

    Sample sites are those that the guide draws and the model has, found by running both. Their
    values are given to the model, which draws nothing itself. Modules (``PyroModule``, guides of
    ``pyro.infer.autoguide``) are copied, and values of ``pyro.param`` are copied out of Pyro's
    store, which is left as it was: further training changes nothing here. A plain ``nn.Module``
    that a *function* refers to cannot be copied; if it is trained on, samples drawn before are
    refused where ``pyro.module`` registers it.

    Args:
        model: labels are a Categorical (or OneHotCategorical) site, or it returns logits.
        guide: what Θ is drawn from; its draws must not depend on the images.
        image_shape: shape of one image.
        logits: name of the site whose logits are taken: the label's, or one of
            ``pyro.deterministic``. None takes those of the model's only label site, or what the
            model returns if there is none.
        sites: names of the weights' sites, to be sure of them; None takes those that are found.
        output: what f_c is.
        vectorised: evaluate several samples in one pass (``torch.func.vmap``); None does so if a
            trial gives the same values as one after the other, which most models do.

    Attributes:
        vectorised: whether that is done.

    Raises:
        NotStochasticError: for a guide that is a point estimate (``AutoDelta``).
        ArgumentError: for sites that only one of the two has, draws that depend on the images, a
            guide that was never trained, and logits that cannot be found.

    Example:
        >>> from pyro.distributions import Normal
        >>> def model(x, y=None):
        ...     w = pyro.sample("w", Normal(0.0, 1.0).expand([64, 10]).to_event(2))
        ...     with pyro.plate("images", len(x)):
        ...         return pyro.sample(
        ...             "y", pyro.distributions.Categorical(logits=x.flatten(1) @ w), obs=y
        ...         )
        >>> def guide(x, y=None):
        ...     pyro.sample("w", Normal(0.0, 0.1).expand([64, 10]).to_event(2))
        >>> PyroClassifier(model, guide, (1, 8, 8)).site_names
        ['w']
    """

    vectorized_guide = False  # any guide can be called once a sample; not all take many

    def __init__(
        self,
        model: Program,
        guide: Program,
        image_shape: tuple[int, ...],
        *,
        logits: str | None = None,
        sites: Sequence[str] | None = None,
        output: str = "probs",
        vectorised: bool | None = None,
    ):
        super().__init__(image_shape, output=output)
        self._model, self._guide = copy_programs(model, guide)
        state = store_without(self._model, self._guide)
        self._parameter_names: list[str] = []
        self._live: list[Tensor] = []
        three = noise_images(self, 3)
        of_model, of_guide = (run(p, three, state) for p in (self._model, self._guide))
        self._keep_parameters(parameters_of({**of_model, **of_guide}, self._model, self._guide))
        latent, drawn = drawn_sites(of_model), drawn_sites(of_guide)
        weights = {name: value for name, value in drawn.items() if name in latent}
        free = [name for name in latent if name not in drawn]
        for name in free:
            require(
                is_label(of_model[name]["fn"]),
                f"the guide does not draw '{name}', which the model does; it draws "
                f"{', '.join(drawn)}",
            )
        require(
            sites is None or set(sites) == set(weights),
            f"the sites that the guide draws and the model has are {', '.join(weights) or 'none'}; "
            f"got {', '.join(sites or ())}",
        )
        require(len(weights) >= 1, "the guide draws no site that the model has; check their names")
        self._axes = {
            name: image_axis(name, value.shape, self._draw(three[:2])[name].shape)
            for name, value in weights.items()
        }
        self.per_example = any(axis is not None for axis in self._axes.values())
        others = run(self._guide, noise_images(self, 3, seed=1), state)
        require(
            all(torch.equal(value, others[name]["value"]) for name, value in weights.items()),
            "the guide's draws depend on the images, which Θ of a stochastic classifier must not "
            "(definition 3.1): they would be those of the image before the attack",
        )
        self._label = logits if logits is not None else _only_label(of_model, weights)
        if self._label is None:
            self._require_returned_logits(three, weights)
        two = [weights, self._draw(three)]
        trial = {name: torch.stack([values[name] for values in two]) for name in weights}
        with alone(), FixedParameters(self.parameter_values), pyro.validation_enabled(False):
            self.vectorised = choose(lambda one: self._of_sample(three, one), trial, vectorised)
        self.settle()

    def _keep_parameters(self, parameters: Mapping[str, Tensor]) -> None:
        """Copy the store's values; keep a reference to those that belong to modules."""
        for name, value in parameters.items():
            if "$$$" in name:  # of pyro.module: the program uses the module itself
                self._live.append(value)
            else:
                self.register_buffer(
                    f"parameter_{len(self._parameter_names)}", value.detach().clone()
                )
                self._parameter_names.append(name)

    @property
    def site_names(self) -> list[str]:
        """Names of the sample sites."""
        return list(self._axes)

    @property
    def parameter_values(self) -> dict[str, Tensor]:
        """Values of ``pyro.param`` statements, by name."""
        names = self._parameter_names
        return {name: self.get_buffer(f"parameter_{i}") for i, name in enumerate(names)}

    @property
    def _tensors(self) -> Any:
        return chain(super()._tensors, self._live)

    def _require_returned_logits(self, x: Tensor, values: Mapping[str, Tensor]) -> None:
        """Refuse a model without labels that does not return logits."""
        with alone(), FixedParameters(self.parameter_values), torch.no_grad():
            returned: Any = self._of_sample(x, values)
        good = isinstance(returned, Tensor) and returned.is_floating_point() and returned.ndim == 2
        require(
            good,
            "the model has no site of labels (Categorical, OneHotCategorical) and returns no "
            "logits of shape (example, class); name a site: logits='…'",
        )

    def _draw(self, x: Tensor) -> dict[str, Tensor]:
        """Run the guide once."""
        with alone(), FixedParameters(self.parameter_values), torch.no_grad():
            trace: Any = poutine.trace(self._guide).get_trace(x)
        return drawn_sites(trace.nodes)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw all sites from the guide at once, and declare their values."""
        drawn, declared = self._draw(x), {}
        for name, axis in self._axes.items():
            if axis is None:
                declared[name] = pyro.sample(name, Delta(drawn[name], event_dim=drawn[name].ndim))
                continue
            value = drawn[name].movedim(axis, 0)
            with images:
                declared[name] = pyro.sample(name, Delta(value, event_dim=value.ndim - 1))
        return declared

    def model(self, x: Tensor, y: Tensor | None = None) -> Any:
        """The user's model: its priors and its labels."""
        with pyro.get_param_store().scope(), FixedParameters(self.parameter_values):
            return self._model(x) if y is None else self._model(x, y)

    def _of_sample(self, x: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        """Return the model's logits for one sample."""
        with FixedSites(values) as fixed:
            returned = self._model(x)
        return returned if self._label is None else logits_at(self._label, fixed.met)

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the model on all samples, as many at once as possible."""
        batch = {
            name: sites[name].squeeze(1) if axis is None else sites[name].movedim(1, 1 + axis)
            for name, axis in self._axes.items()
        }
        own = x.ndim > len(self.image_shape) + 1
        if own:
            batch[IMAGES] = x

        def of_sample(sample: Mapping[str, Tensor]) -> Tensor:
            values = {name: value for name, value in sample.items() if name != IMAGES}
            return self._of_sample(sample[IMAGES] if own else x, values)

        with (
            alone(),
            FixedParameters(self.parameter_values),
            pyro.validation_enabled(False),  # it asks batched tensors for values
        ):
            return over_samples(of_sample, batch, vectorised=self.vectorised)

    def __deepcopy__(self, memo: dict[int, Any]) -> "PyroClassifier":
        """Copy everything except the autoguides' recorded traces, as :func:`copy_programs` does."""
        memo.update(recorded_traces(self._guide))
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        new.__dict__ = copy.deepcopy(self.__dict__, memo)
        return new


def image_axis(name: str, three: tuple[int, ...], two: tuple[int, ...]) -> int | None:
    """Return the axis of images of a site's value, None if there is none.

    Args:
        name: the site.
        three: shape of its value for three images.
        two: the same for two.

    Raises:
        ArgumentError: if more than one axis differs, or one in another way.

    Example:
        >>> image_axis("mask", (5, 3), (5, 2))
        1
    """
    if three == two:
        return None
    differing = [axis for axis, (a, b) in enumerate(zip(three, two, strict=False)) if a != b]
    require(
        len(three) == len(two) and [(three[a], two[a]) for a in differing] == [(3, 2)],
        f"site '{name}' has shape {tuple(three)} for 3 images and {tuple(two)} for 2, expected one "
        "axis of images, or none",
    )
    return differing[0]


def _only_label(of_model: Nodes, weights: Mapping[str, Tensor]) -> str | None:
    """Return the name of the only site with classes; None if there is none."""
    labels = [
        name
        for name, node in of_model.items()
        if node["type"] == "sample" and name not in weights and is_label(node["fn"])
    ]
    if len(labels) > 1:
        raise ArgumentError(
            f"the model has several sites of labels ({', '.join(labels)}); name the one whose "
            "logits are meant: logits='…'"
        )
    return labels[0] if labels else None
