"""A user's Pyro model and guide, including autoguides, or samples of its posterior."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.distributions import Delta
from pyro.poutine.messenger import Messenger
from torch import Tensor

from pyrosnn.adapters.adapter import Adapter
from pyrosnn.adapters.fixed_sites import FixedParameters, FixedSites, alone
from pyrosnn.adapters.over_samples import choose, over_samples
from pyrosnn.adapters.posterior_samples import PosteriorSamples, samples_of
from pyrosnn.adapters.probe import noise_images
from pyrosnn.adapters.pyro_copies import copy_programs, require_called
from pyrosnn.adapters.pyro_labels import logits_at
from pyrosnn.adapters.pyro_program import (
    Nodes,
    Program,
    drawn_sites,
    live_parameters,
    minibatch_error,
    parameters_of,
    run,
    store_without,
    warn_of_untrained,
)
from pyrosnn.adapters.pyro_sites import Runs, image_axis, label_of, posterior_of, shared_sites
from pyrosnn.adapters.pyro_trunk import LastPart, find_last_part
from pyrosnn.errors import require
from pyrosnn.models.means import AtMeans
from pyrosnn.networks.function import Differentiated, Identity
from pyrosnn.networks.network import Parts
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.settings import called_rightly
from pyrosnn.shapes import Sites

IMAGES = " images"  # no site has such a name


class PyroClassifier(Adapter):
    """A trained Pyro model and guide, each called with the images alone: ``model(x)``.

    Sample sites are those that the guide draws and the model has, found by running both. Their
    values are given to the model, which draws nothing itself. A latent site of the model that
    belongs to an image is drawn from its prior, unless the guide draws it for the images that it
    is called with: a guide's values are those of the training images.

    Programs may be functions, modules (``PyroModule``, guides of ``pyro.infer.autoguide``) or
    bound methods. All modules that they use are copied, in evaluation mode, and values of
    ``pyro.param`` are copied out of Pyro's store, which is left as it was: further training
    changes nothing here.

    Args:
        model: labels are a Categorical, OneHotCategorical or Bernoulli site (two classes, with the
            logits 0 and z), or it returns logits.
        guide: what Θ is drawn from; its draws must not depend on the images. Or samples of the
            posterior: an MCMC object of Pyro or NumPyro, or the dict of its ``get_samples()``,
            with arrays of shape (sample, …) or (chain, sample, …); Θ then is one of them, drawn
            with replacement.
        image_shape: shape of one image.
        logits: name of the site whose logits are taken: the label's, or one of
            ``pyro.deterministic``. None takes those of the model's only label site, or what the
            model returns if there is none.
        sites: names of all sample sites, to be sure of them; None takes those that are found.
        output: what f_c is.
        vectorised: evaluate several samples in one pass (``torch.func.vmap``); None does so if a
            trial gives the same values as one after the other, which most models do.

    Attributes:
        vectorised: whether that is done.
        from_prior: names of the sites that are drawn from their prior.

    Raises:
        NotStochasticError: for a guide that is a point estimate (``AutoDelta``).
        ArgumentError: for sites that only one of the two has, draws that depend on the images, a
            guide that was never trained, and logits that cannot be found.

    Warns:
        PyrosnnWarning: for a ``pyro.param`` that Pyro's store does not have: it is not trained.

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
        >>> PyroClassifier(model, {"w": torch.randn(20, 64, 10)}, (1, 8, 8)).num_members
        20
    """

    vectorized_guide = False  # any guide can be called once a sample; not all take many
    not_replayed = "make it a site of model and guide: pyro.sample"

    @called_rightly
    def __init__(
        self,
        model: Program,
        guide: Any,
        image_shape: tuple[int, ...],
        *,
        logits: str | None = None,
        sites: Sequence[str] | None = None,
        output: str = "probs",
        vectorised: bool | None = None,
    ):
        super().__init__(image_shape, output=output)
        self._live: list[Tensor] = []
        samples = samples_of(guide)
        given = isinstance(samples, Mapping)
        programs = (model,) if given else (model, guide)
        require(
            all(map(callable, programs)),
            "expected a Pyro model, and a guide or a dict of samples; got "
            f"{type(model).__name__} and {type(guide).__name__}",
        )
        require_called(guide)
        (self._model, *guides), modules = copy_programs(*programs)
        self._used = torch.nn.ModuleList(m for m in modules if m not in (self._model, *guides))
        state, three = store_without(modules), noise_images(self, 3)
        stored = set(state["params"])
        of_model = self._run(self._model, three, state)
        self._guide = posterior_of(samples, of_model) if given else guides[0]
        of_guide = self._run(self._guide, three, state)
        nodes = {**of_model.three, **of_guide.three}
        self._keep_parameters(nodes, modules)
        warn_of_untrained(nodes, modules, stored)
        self._label = logits if logits is not None else label_of(of_model, of_guide.drawn)
        weights, self.from_prior = shared_sites(of_model, of_guide, self._label, posterior=given)
        names = [*weights, *self.from_prior]
        require(
            sites is None or set(sites) == set(names),
            f"the sites that the guide draws and the model has are {', '.join(names) or 'none'}; "
            f"got {', '.join(sites or ())}",
        )
        values, of_two, of_others = (
            self._seeded_draw(x) for x in (three, three[:2], noise_images(self, 3, seed=1))
        )
        self._axes = {n: image_axis(n, values[n].shape, of_two[n].shape) for n in names}
        self.per_example = any(axis is not None for axis in self._axes.values())
        for name in names:
            require(torch.equal(values[name], of_others[name]), self._depends_on_images(name))
        if self._label is None:
            self._require_returned_logits(three, values)
        two = [values, self._draw(three)]
        trial = {name: torch.stack([one[name] for one in two]) for name in names}
        with self._alone():
            self._draws = self._changes_random_state(three, values)
            self.vectorised = choose(lambda one: self._of_sample(three, one), trial, vectorised)
            self._last = self._find_last(three, values)
        self.settle()

    @staticmethod
    def _run(program: Program, three: Tensor, state: Any) -> Runs:
        return Runs(run(program, three, state), run(program, three[:2], state))

    def _keep_parameters(self, nodes: Nodes, modules: Sequence[torch.nn.Module]) -> None:
        """Copy the store's values; refer to parameters of modules that were not copied."""
        self._live = live_parameters(nodes, modules)
        self._parameter_names = list(parameters_of(nodes, modules))
        for number, value in enumerate(parameters_of(nodes, modules).values()):
            self.register_buffer(f"parameter_{number}", value.detach().clone())

    def _depends_on_images(self, name: str) -> str:
        """Return the error for a site whose values depend on the images."""
        theta = "which Θ of a stochastic classifier must not (definition 3.1)"
        if name in self.from_prior:
            return (
                f"the prior of '{name}' depends on the image, {theta}; draw standard noise there, "
                "and shift or scale it by what depends on the image"
            )
        return (
            f"the guide's draws of '{name}' depend on the images, {theta}: they would be those of "
            "the image before the attack"
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Run programs with the parameters' values, hidden from all that is outside."""
        with (
            alone(),
            FixedParameters(self.parameter_values),
            pyro.validation_enabled(False),  # it asks batched tensors for values
        ):
            yield

    def _changes_random_state(self, x: Tensor, values: Mapping[str, Tensor]) -> bool:
        """Return whether the model draws what no output depends on, such as hidden labels."""
        with forked_rng(seed_sequence(0, "pyro-program"), self.device), torch.no_grad():
            before = torch.get_rng_state()
            self._of_sample(x, values)
            return not torch.equal(before, torch.get_rng_state())

    @property
    def num_members(self) -> int:
        """The number of the posterior's samples; 0 if there is a guide."""
        return len(self._guide) if isinstance(self._guide, PosteriorSamples) else 0

    def member_sites(self, members: Tensor) -> Sites:
        """Return samples of the posterior by their indices.

        Raises:
            ArgumentError: for a model with noise of each image, which no sample has.
        """
        require(
            not self.per_example,
            f"the model also draws {', '.join(self.from_prior)} for each image, which samples of "
            "the posterior do not have; draw disjoint_sample_sets",
        )
        values = self._guide.values.items()
        return {name: value[members].unsqueeze(1) for name, value in values}

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

    def _draw(self, x: Tensor, handler: Messenger | None = None) -> dict[str, Tensor]:
        """Run the guide once, and the model for what is drawn from its prior."""
        fixed_parameters = FixedParameters(self.parameter_values)
        with alone(), fixed_parameters, handler or nullcontext(), torch.no_grad():
            trace: Any = poutine.trace(self._guide).get_trace(x)
            drawn = drawn_sites(trace.nodes)
            if self.from_prior:
                given = {name: drawn[name] for name in drawn if name not in self.from_prior}
                with FixedSites(given, drawn=self.from_prior) as fixed:
                    self._model(x)
                drawn.update({name: fixed.met[name][1] for name in self.from_prior})
        return drawn

    def _seeded_draw(self, x: Tensor) -> dict[str, Tensor]:
        with forked_rng(seed_sequence(0, "pyro-program"), x.device):
            return self._draw(x)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw all sites from the guide at once, and declare their values."""
        return self._declared(self._draw(x), images)

    def mean_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Run the guide with every site of it at its mean, and declare their values."""
        return self._declared(self._draw(x, AtMeans()), images)

    def _declared(self, drawn: Mapping[str, Tensor], images: pyro.plate) -> Sites:
        declared = {}
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

    def _of_sample(
        self, x: Tensor, values: Mapping[str, Tensor], handler: FixedSites | None = None
    ) -> Tensor:
        """Return the model's logits for one sample."""
        with handler or FixedSites(values) as fixed:
            returned = self._model(x)
        logits = returned if self._label is None else logits_at(self._label, fixed.met)
        if fixed.minibatches and len(logits) != len(x):
            raise minibatch_error(fixed.minibatches, len(x))
        return logits

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the model on all samples, as many at once as possible."""
        return self._over_samples(self._of_sample, x, len(self.image_shape) + 1, sites)

    def _over_samples(
        self,
        function: Callable[[Tensor, Mapping[str, Tensor]], Tensor],
        x: Tensor,
        num_axes: int,
        sites: Sites,
    ) -> Tensor:
        """Evaluate a function of images, or of features, and of the values of one sample.

        Args:
            function: returns logits.
            x: with ``num_axes`` axes, or one more, of samples.
            num_axes: of the function's first argument.
            sites: see :meth:`logits`.
        """
        batch = {
            name: sites[name].squeeze(1) if axis is None else sites[name].movedim(1, 1 + axis)
            for name, axis in self._axes.items()
        }
        own = x.ndim > num_axes
        if own:
            batch[IMAGES] = x

        def of_sample(sample: Mapping[str, Tensor]) -> Tensor:
            values = {name: value for name, value in sample.items() if name != IMAGES}
            return function(sample[IMAGES] if own else x, values)

        with self._alone(), self._same_random_state():
            return over_samples(of_sample, batch, vectorised=self.vectorised)

    def trunk(self) -> Differentiated | None:
        """Return the part of the model below its random layers, if these are its last module."""
        return None if self._last is None else Differentiated(self._below)

    def parts(self, sites: Sites) -> Parts:
        """Return the part after the trunk, for some samples."""
        last = self._last
        if last is None:
            return super().parts(sites)
        return Parts(
            Identity(),
            Differentiated(lambda h: self._over_samples(self._after, h, last.num_axes, sites)),
        )

    def _below(self, x: Tensor) -> Tensor:
        assert self._last is not None
        with self._alone(), FixedSites({}):
            return self._last.input_of(lambda: self._model(x))

    def _after(self, features: Tensor, values: Mapping[str, Tensor]) -> Tensor:
        assert self._last is not None
        with FixedSites(values):
            return self._last(features)

    def _find_last(self, x: Tensor, values: Mapping[str, Tensor]) -> LastPart | None:
        """Return the module that the model ends with, and where samples differ alone."""
        if not self.vectorised or self._draws:
            return None
        programs = [self._model, *self._used]
        modules = {m for p in programs if isinstance(p, torch.nn.Module) for m in p.modules()}

        def model(fixed: FixedSites) -> Tensor:
            return self._of_sample(x, values, fixed)

        with torch.no_grad():
            return find_last_part(model, list(modules), x, FixedSites(values), list(values))

    @contextmanager
    def _same_random_state(self) -> Iterator[None]:
        """Put torch's random state back where the model changes it."""
        if not self._draws:
            yield
            return
        with forked_rng(seed_sequence(0, "pyro-program"), self.device):
            yield

    def __deepcopy__(self, memo: dict[int, Any]) -> "PyroClassifier":
        """Copy the programs as :func:`copy_programs` does, and then all else."""
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        (model, guide), _ = copy_programs(self._model, self._guide, memo=memo)
        new.__dict__ = copy.deepcopy(self.__dict__, memo)
        new._model, new._guide = model, guide
        return new
