"""`to_module`: the mean prediction of an attack set as a plain module that any library attacks."""

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

from pyrosnn.attacks.known_images import KnownImages, UnknownRowError
from pyrosnn.attacks.measured_norms import MEASURED_NORMS
from pyrosnn.attacks.module_outputs import MODULE_OUTPUTS
from pyrosnn.attacks.norms import largest_entry
from pyrosnn.attacks.precision import in_precision
from pyrosnn.errors import ArgumentError, brief, require, unknown_name
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.precision import PRECISIONS
from pyrosnn.outputs import find_output
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.sampling import (
    DifferentiableReplay,
    SampleSet,
    ScaledSum,
    mean_prediction,
    predict_again,
    require_attackers,
)
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import Flags, Images, PerClass


@dataclass(frozen=True, kw_only=True)
class _Source:
    """The classifier and samples of a module, wrapped so that torch registers no submodule.

    Attributes:
        classifier: the classifier, in the attacker's precision.
        samples: the attack set.
        output: name in ``MODULE_OUTPUTS``.
        known: the images that the samples were drawn for, where the module recognises rows.
        fresh: samples for each call in turn; None for the attack set each time.
    """

    classifier: StochasticClassifier
    samples: SampleSet
    output: str
    known: KnownImages | None = None
    fresh: Iterator[SampleSet] | None = None


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
    def forward(
        ctx: Any, x: Tensor, module: "SampledModule", samples: SampleSet, rows: Tensor | None
    ) -> Tensor:
        """Evaluate all samples, and keep the state for the backward pass."""
        ctx.module, ctx.rows = module, rows
        ctx.evaluated = module._begin(x.detach(), samples)
        ctx.save_for_backward(x)
        value: Tensor = ctx.evaluated.value
        return value

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor, None, None, None]:
        """Compute the gradient over all samples."""
        (x,) = ctx.saved_tensors  # torch refuses images that were changed in place meanwhile
        gradient = ctx.evaluated.gradient(cotangents.detach())
        ctx.module._count(gradient, ctx.rows)
        if torch.is_grad_enabled():  # create_graph=True
            gradient = _Once.apply(gradient, x, cotangents)
        return gradient, None, None, None


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
    """The mean prediction over a sample set; :func:`to_module` makes it.

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
        self._by_image: tuple[Tensor, Tensor] | None = None
        self._part: tuple[SampleSet, Tensor, SampleSet] | None = None
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
                (weights). Where some are drawn for each image (noise), the number that they were
                drawn for, in the same order; or points of these images, as many as there may be
                of each, where the module knows the images.

        Raises:
            ArgumentError: for images of another shape, for NaN or infinity, for transforms of
                ``torch.func``, or for rows that cannot be attributed to an image.
        """
        self._require_fit(x)
        source, rows = self._source, None
        if source.known is not None and self.samples.per_image:
            rows = source.known.rows_of(x)
        samples = self.samples if source.fresh is None else next(source.fresh)
        if rows is None:
            return self._evaluated(x, samples, None)
        # no more rows at once than images, whose number the memory budget is for
        size = len(source.known) if source.known is not None else len(x)
        parts = zip(x.split(size), rows.split(size), strict=True)
        values = [self._evaluated(part, self._of(samples, own), own) for part, own in parts]
        return values[0] if len(values) == 1 else torch.cat(values)

    def _evaluated(self, x: Tensor, samples: SampleSet, rows: Tensor | None) -> Tensor:
        """Evaluate images on samples that fit them, with a gradient if one is asked for."""
        if torch.is_grad_enabled() and x.requires_grad:
            value: Tensor = _Streamed.apply(x, self, samples, rows)
            return value
        mean = predict_again(self._source.classifier, x.detach(), samples)
        return MODULE_OUTPUTS[self.output].value(mean).to(x.dtype)

    def _of(self, samples: SampleSet, rows: Tensor) -> SampleSet:
        """Return the samples of some images; those of the last call are cached."""
        number = samples.num_examples
        if len(rows) == number and bool((rows.diff() == 1).all()):
            return samples
        last = self._part
        if last is None or last[0] is not samples or not torch.equal(last[1], rows):
            last = self._part = (samples, rows, samples.for_examples(rows))
        return last[2]

    def predict(self, x: Images) -> MeanPrediction:
        """Return the mean prediction of images, in float64 and without a gradient."""
        return predict_again(self._source.classifier, x.detach(), self.samples)

    def for_examples(self, rows: Tensor) -> "SampledModule":
        """Return the module for some of the images that the samples were drawn for.

        Args:
            rows: their indices, shape (row,); each keeps the noise that was drawn for it.
        """
        source = self._source
        return SampledModule(
            replace(
                source,
                samples=self.samples.for_examples(rows),
                known=None if source.known is None else source.known.part(rows),
                fresh=None
                if source.fresh is None
                else (page.for_examples(rows) for page in source.fresh),
            )
        )

    def always_zero(self, number: int) -> Flags:
        """Return for which images every requested gradient was zero.

        Known if gradients were asked for, and if the module recognises rows, or was always asked
        for all images at once; else False for all.

        Args:
            number: how many images there are.
        """
        if self._by_image is not None:
            asked, nonzero = self._by_image
            return asked & ~nonzero
        if set(self._nonzero) == {number}:
            return ~self._nonzero[number]
        return torch.zeros(number, dtype=torch.bool, device=self.place.device)

    def require_recognised(self) -> None:
        """Repeat the refusal of a batch whose error a library has caught.

        Raises:
            UnknownRowError: if a row could not be attributed to an image in any call.
        """
        known = self._source.known
        if known is not None and known.refused:
            raise UnknownRowError(known.refused[-1])

    def _require_fit(self, x: Tensor) -> None:
        shape, samples = self._source.classifier.image_shape, self.samples
        require(
            isinstance(x, Tensor),
            f"the module takes images as a tensor, got {brief(x)}; of an array torch.from_numpy(…)",
        )
        require(
            tuple(x.shape[1:]) == shape and len(x) > 0 and x.is_floating_point(),
            f"the module takes images of shape (example, {', '.join(map(str, shape))}), at least "
            f"one, in floating point; got {tuple(x.shape)} in {x.dtype}",
        )
        require(
            not torch._C._are_functorch_transforms_active() and unpack_dual(x).tangent is None,
            "the module is differentiated in reverse mode alone, and torch.func (grad, vmap, "
            "jacrev) and forward mode cannot go through it; use torch.autograd.grad",
        )
        bad = ~x.detach().flatten(1).isfinite().all(1)
        if bad.any():
            raise ArgumentError(
                f"the attack asked the module for {int(bad.sum())} of {len(x)} images that are not "
                f"finite (first in row {int(bad.nonzero()[0])}); check the attack: some fail on "
                "images that are misclassified before it"
            )
        for name in sorted(samples.per_image) if self._source.known is None else ():
            require(
                samples.num_examples == len(x),
                f"site '{name}' was drawn for {samples.num_examples} images, got a batch of "
                f"{len(x)}; attack all of them at once and in order (as the library's batch size "
                f"take {samples.num_examples}), some with module.for_examples(rows), or let the "
                "module recognise them: to_module(…, images=x, strength=…)",
            )

    def _begin(self, x: Tensor, samples: SampleSet) -> _Pass:
        """Start a forward pass with a gradient; free the graphs of the previous one."""
        earlier = self._latest() if self._latest is not None else None
        if earlier is not None:
            earlier.release()
        begun = _Pass(replace(self._source, samples=samples), x)
        self._latest = weakref.ref(begun)
        return begun

    def _count(self, gradient: Tensor, rows: Tensor | None) -> None:
        number = len(gradient)
        self.num_gradients += number * len(self.samples)
        nonzero = largest_entry(gradient) != 0
        if rows is not None:
            if self._by_image is None:
                none = rows.new_zeros(self.samples.num_examples or 0, dtype=torch.bool)
                self._by_image = none, none.clone()
            for flags, seen in zip(self._by_image, (rows, rows[nonzero]), strict=True):
                flags[seen] = True
            return
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


@checked_arguments
def to_module(
    classifier: StochasticClassifier,
    samples: SampleSet,
    *,
    output: str | None = None,
    precision: str = "full",
    images: Images | None = None,
    strength: float | None = None,
    norm: str = "l2",
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

    Where noise was drawn for each image, the module takes all of the images in order. Given
    ``images`` and the attack's ``strength``, it recognises any points of theirs within the
    strength, in any number and order, and each gets the noise of its image; see
    :class:`~pyrosnn.attacks.known_images.KnownImages`.

    Args:
        classifier: the classifier attacked; its parameters are fixed from now on.
        samples: the attack set A.
        output: name in ``MODULE_OUTPUTS``; by default what the classifier's f is.
        precision: name in ``PRECISIONS``: of the networks' values and derivatives.
        images: the images that A was drawn for, whose points the module is to recognise.
        strength: how far the attack moves an image; needed with ``images``.
        norm: norm of the strength, a name in ``MEASURED_NORMS``.

    Raises:
        UnknownNameError: for an unknown output, precision or norm.
        ArgumentError: for samples of another classifier, or images without a strength.
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
        ("norm", norm, MEASURED_NORMS),
    ):
        if name not in table:
            raise unknown_name(kind, name, table)
    require_attackers(samples.origin)
    samples.require_fit(classifier, samples.num_examples or 1)
    known = None
    if images is not None and samples.per_image:
        require(
            strength is not None and strength > 0,
            f"a module that recognises images needs the attack's strength > 0, got {strength}",
        )
        samples.require_fit(classifier, len(images))
        known = KnownImages(images.to(classifier.device), norm, strength or 0.0)
    return module_of(in_precision(classifier, precision), samples, output, known=known)


def module_of(
    attacker: StochasticClassifier,
    samples: SampleSet,
    output: str,
    *,
    known: KnownImages | None = None,
    fresh: Iterator[SampleSet] | None = None,
) -> SampledModule:
    """Return the module of :func:`to_module`, without its checks.

    Args:
        attacker: the classifier in the attacker's precision.
        samples: the attack set A.
        output: name in ``MODULE_OUTPUTS``.
        known: the images that the samples were drawn for, so that rows are recognised.
        fresh: samples for each call in turn; None for A each time.
    """
    return SampledModule(
        _Source(classifier=attacker, samples=samples, output=output, known=known, fresh=fresh)
    )
