"""`to_module`: the mean prediction of an attack set as a plain module that any library attacks."""

import weakref
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from pyrosnn.attacks.module_outputs import MODULE_OUTPUTS
from pyrosnn.attacks.norms import largest_entry
from pyrosnn.attacks.precision import in_precision
from pyrosnn.errors import ArgumentError, require, unknown_name
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.precision import PRECISIONS
from pyrosnn.outputs import find_output
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.sampling import (
    DifferentiableReplay,
    SampleSet,
    ScaledSum,
    mean_prediction,
    predict,
    require_attackers,
)
from pyrosnn.shapes import Flags, Images, PerClass


@dataclass(frozen=True, kw_only=True)
class _Source:
    """The classifier and samples of a module, wrapped so that torch registers no submodule.

    Attributes:
        classifier: the classifier, in the attacker's precision.
        samples: the attack set.
        output: name in ``MODULE_OUTPUTS``.
    """

    classifier: StochasticClassifier
    samples: SampleSet
    output: str


class _Pass:
    """A forward pass that awaits its backward pass; only a module's latest one keeps graphs."""

    def __init__(self, source: _Source, x: Tensor):
        self._source, self._x = source, x
        self._replay: DifferentiableReplay | None = self._evaluate()
        self._mean = mean_prediction(self._replay, source.classifier.output)
        self.value = MODULE_OUTPUTS[source.output].value(self._mean).to(x.dtype)

    def _evaluate(self) -> DifferentiableReplay:
        return DifferentiableReplay(self._source.classifier, self._x, self._source.samples)

    def release(self) -> None:
        """Free the graphs; they are rebuilt if the gradient is requested later."""
        self._replay = None

    def gradient(self, cotangents: Tensor) -> Tensor:
        """Return the cotangents of the images, given those of the value."""
        output = MODULE_OUTPUTS[self._source.output]
        replayed = self._replay or self._evaluate()
        total = ScaledSum(replayed.images)
        for chunk in replayed:
            total.add(chunk, output.cotangents(cotangents, chunk.logits, self._mean))
        return total.exact.to(self._x.dtype)


class _Streamed(torch.autograd.Function):
    """The forward pass as a single autograd node, for any number of samples."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, module: "SampledModule") -> Tensor:
        """Evaluate all samples, and keep the state for the backward pass."""
        ctx.module, ctx.evaluated = module, module._begin(x.detach())
        ctx.save_for_backward(x)
        value: Tensor = ctx.evaluated.value
        return value

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor, None]:
        """Compute the gradient over all samples."""
        (x,) = ctx.saved_tensors  # torch refuses images that were changed in place meanwhile
        gradient = ctx.evaluated.gradient(cotangents.detach())
        ctx.module._count(gradient)
        if torch.is_grad_enabled():  # create_graph=True
            gradient = _Once.apply(gradient, x, cotangents)
        return gradient, None


class _Once(torch.autograd.Function):
    """A gradient that refuses to be differentiated, where autograd would return 0."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, cotangents: Tensor) -> Tensor:
        """Return the gradient as a function of all three arguments."""
        return gradient.clone()

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> None:
        """Refuse second derivatives.

        Raises:
            ArgumentError: always.
        """
        raise ArgumentError(
            "the mean prediction as a module has no second derivatives; take an attack that needs "
            "first ones alone, or none"
        )


class SampledModule(torch.nn.Module):
    """The mean prediction over a fixed sample set; :func:`to_module` makes it.

    A function of the images alone: always in evaluation mode (``.train()`` changes nothing), on
    the classifier's device, without anything to train. Its one parameter is an empty one, whose
    device attack libraries ask for. A copy shares classifier and samples.

    Attributes:
        samples: the sample set.
        output: what it returns, ``log-probs`` or ``logits``.
        num_gradients: gradients of one sample at one image that were computed so far.
    """

    def __init__(self, source: _Source):
        super().__init__()
        self._source = source
        like = torch.empty(0, dtype=source.classifier.dtype, device=source.classifier.device)
        self.place = torch.nn.Parameter(like, requires_grad=False)
        self.num_gradients = 0
        self._nonzero: dict[int, Tensor] = {}
        self._latest: weakref.ref[_Pass] | None = None
        self.train(False)

    @property
    def samples(self) -> SampleSet:
        """The sample set."""
        return self._source.samples

    @property
    def output(self) -> str:
        """The kind of returned values, ``log-probs`` or ``logits``."""
        return self._source.output

    def forward(self, x: Tensor) -> PerClass:
        """Return log-probabilities or logits of images, in their precision.

        Args:
            x: images, shape (example, *image); any number of them where all samples are shared
                (weights), the number that the samples were drawn for, in the same order, where
                some are drawn for each image (noise).

        Raises:
            ArgumentError: for images of another shape, or of another number.
        """
        self._require_fit(x)
        if torch.is_grad_enabled() and x.requires_grad:
            value: Tensor = _Streamed.apply(x, self)
            return value
        return MODULE_OUTPUTS[self.output].value(self.predict(x)).to(x.dtype)

    def predict(self, x: Images) -> MeanPrediction:
        """Return the mean prediction of images, in float64 and without a gradient."""
        return predict(self._source.classifier, x.detach(), self.samples)

    def for_examples(self, rows: Tensor) -> "SampledModule":
        """Return the module for some of the images that the samples were drawn for.

        Args:
            rows: their indices, shape (row,); each keeps the noise that was drawn for it.
        """
        return SampledModule(replace(self._source, samples=self.samples.for_examples(rows)))

    def always_zero(self, number: int) -> Flags:
        """Return for which images every requested gradient was zero.

        Known if gradients were asked for, and always for all images at once; else False for all.

        Args:
            number: how many images there are.
        """
        if set(self._nonzero) == {number}:
            return ~self._nonzero[number]
        return torch.zeros(number, dtype=torch.bool, device=self.place.device)

    def _require_fit(self, x: Tensor) -> None:
        shape, samples = self._source.classifier.image_shape, self.samples
        require(
            tuple(x.shape[1:]) == shape and len(x) > 0 and x.is_floating_point(),
            f"the module takes images of shape (example, {', '.join(map(str, shape))}), at least "
            f"one, in floating point; got {tuple(x.shape)} in {x.dtype}",
        )
        for name in sorted(samples.per_image):
            require(
                samples.num_examples == len(x),
                f"site '{name}' was drawn for {samples.num_examples} images, got a batch of "
                f"{len(x)}; attack all of them at once and in order (as the library's batch size "
                f"take {samples.num_examples}), or some with module.for_examples(rows)",
            )

    def _begin(self, x: Tensor) -> _Pass:
        """Start a forward pass with a gradient; free the graphs of the previous one."""
        earlier = self._latest() if self._latest is not None else None
        if earlier is not None:
            earlier.release()
        begun = _Pass(self._source, x)
        self._latest = weakref.ref(begun)
        return begun

    def _count(self, gradient: Tensor) -> None:
        number = len(gradient)
        self.num_gradients += number * len(self.samples)
        nonzero = largest_entry(gradient) != 0
        before = self._nonzero.get(number)
        self._nonzero[number] = nonzero if before is None else before | nonzero

    def train(self, mode: bool = True) -> "SampledModule":
        """Stay in evaluation mode: the samples are fixed, nothing here is random."""
        super().train(False)
        return self

    def _apply(self, fn: Any, recurse: bool = True) -> "SampledModule":
        """Refuse moves and conversions (``to``, ``cuda``, ``half`` …): the samples would stay."""
        moved, place = fn(self.place), self.place
        require(
            moved.device == place.device and moved.dtype == place.dtype,
            f"the module stays on {place.device} in {place.dtype}, as its classifier and samples "
            f"do, and cannot go to {moved.device} in {moved.dtype}; tell the library so "
            f"(device='{place.device}'), or move the classifier and draw samples there",
        )
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "SampledModule":
        return SampledModule(self._source)

    def extra_repr(self) -> str:
        """Describe the average for ``repr``."""
        name = type(self._source.classifier).__name__
        return f"{self.output} of {name}, {self.samples!r}"


def to_module(
    classifier: StochasticClassifier,
    samples: SampleSet,
    *,
    output: str | None = None,
    precision: str = "full",
) -> SampledModule:
    r"""Return the mean prediction over an attack set as a plain ``torch.nn.Module``.

    Any library attacks it as it would a deterministic network, and attacks exactly $f^A$: the
    gradient to the images is that of the mean over all samples, computed chunk by chunk. No graph
    spans the samples; the memory is bounded by the set's ``memory_budget``, whatever S is.

    | ``output`` | classifier of probabilities | classifier of logits |
    |---|---|---|
    | ``log-probs`` | $\log f^A(x)$, the log of the mean probability | log-softmax of $f^A(x)$ |
    | ``logits`` | mean logits (``gradient="mean_logits"``) | $f^A(x)$, the mean logits |

    Log-probabilities are logits, too: the cross-entropy of a library, which takes a log-softmax
    first, leaves them as they are. Its gradient then is right even where the softmax saturates,
    until float32 underflows (logits that differ by about 87).

    There is a first derivative in reverse mode, no second one and none in forward mode.

    Args:
        classifier: the classifier attacked; its parameters are fixed from now on.
        samples: the attack set A.
        output: name in ``MODULE_OUTPUTS``; by default what the classifier's f is.
        precision: name in ``PRECISIONS``: of the networks' values and derivatives.

    Raises:
        UnknownNameError: for an unknown output or precision.
        ArgumentError: for samples of another classifier.
        OverlapError: if the samples are an inference set.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=1), digits)
        >>> x, y = digits.test_images(20)
        >>> A, I = pyrosnn.disjoint_sample_sets(bnn, x, attack=10, inference=50, seed=0)
        >>> module = to_module(bnn, A)
        >>> loss = torch.nn.functional.cross_entropy(module(x.requires_grad_()), y)
        >>> loss.backward()
        >>> x.grad.shape, module.num_gradients
        (torch.Size([20, 1, 8, 8]), 200)
    """
    if output is None:
        output = find_output(classifier.output).module_output
    for kind, name, table in (
        ("output", output, MODULE_OUTPUTS),
        ("precision", precision, PRECISIONS),
    ):
        if name not in table:
            raise unknown_name(kind, name, table)
    require_attackers(samples.origin)
    samples.require_fit(classifier, samples.num_examples or 1)
    return module_of(in_precision(classifier, precision), samples, output)


def module_of(attacker: StochasticClassifier, samples: SampleSet, output: str) -> SampledModule:
    """Return the module of :func:`to_module`, without its checks.

    Args:
        attacker: the classifier in the attacker's precision.
        samples: the attack set A.
        output: name in ``MODULE_OUTPUTS``.
    """
    return SampledModule(_Source(classifier=attacker, samples=samples, output=output))
