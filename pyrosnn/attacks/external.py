"""`ExternalAttack`: a function, or another library's attack, used like a built-in attack."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, cast

import torch
from torch import Tensor

from pyrosnn.attacks.attack import Attack
from pyrosnn.attacks.gradient_attack import GradientAttack
from pyrosnn.attacks.known_images import KnownImages
from pyrosnn.attacks.measured_norms import MEASURED_NORMS
from pyrosnn.attacks.module import SampledModule, module_of
from pyrosnn.attacks.norms import Norm
from pyrosnn.attacks.problem import EVERY, Problem, Rows
from pyrosnn.errors import ArgumentError, brief, require
from pyrosnn.seeding import forked_numpy_rng
from pyrosnn.settings import OneOf

# (module of f^A, images, labels, strength) -> attacked images
AttackFunction = Callable[[SampledModule, Tensor, Tensor, float], Tensor]

# What the module returns for each quantity that is averaged; the mean of the samples' losses is
# no function of one module. Of logits, too, the log-probabilities: losses of a softmax are the
# same, and where float32 loses a label's 1 - p the way back through them restores it.
OUTPUT_OF = {"mean_prediction": "log-probs", "mean_logits": "logits"}

# How much longer than the strength δ may be, as a share of it: float32 rounding of a projection.
TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class ExternalAttack(GradientAttack):
    r"""An attack by any function of module, images, labels and strength.

    The function is given the mean prediction over A as a plain module (:func:`to_module`) and
    nothing else of the classifier or of I. What comes back is held to the rules of every attack:
    images of the same shape, finite, and no further from x than the strength in ``norm``, or the
    attack is refused: δ is not shortened behind anyone's back. At strength 0 it is not asked.

    Random starts repeat with the root seed: torch's and numpy's global generators are seeded from
    the attack set's origin, and put back afterwards.

    Where noise was drawn for each image, the module recognises the images of any batch within the
    strength (:class:`~pyrosnn.attacks.known_images.KnownImages`). If it cannot, the function is
    called again on groups of images that are further apart, and at last on one image at a time.

    Of the result, ``num_gradients`` counts the gradients that the function asked the module for
    (the mean over images, rounded up), and ``zero_gradient`` marks images whose gradient was zero
    each time, where rows were recognised or all images were asked for at once. An image that came
    back as it was has a norm of 0 and, without such a gradient, no mark.

    Attributes:
        function: called with (module, x, y, strength); returns attacked images, like x.
        norm: what the function's strength bounds, ``l2``, ``linf``, ``l1`` or ``l0`` (the number of
            changed entries); stated here, checked on what it returns.
        loss: what the function maximises: stated for the record, it changes nothing.
        gradient: ``mean_prediction``, or ``mean_logits`` for a module that returns mean logits.
        labels: which labels the function is given.
        clip: x + δ is clipped to these bounds after the attack; for one that clips itself, they
            are a statement.
        fixed_samples: use the attack set in every call of the module. Else the first call uses
            the attack set, and each further call the next samples of its stream, as ``PGD`` does:
            many steps then cannot overfit a small attack set.

    Example:
        >>> import pyrosnn
        >>> def sign_step(module, x, y, strength):
        ...     x = x.requires_grad_()
        ...     loss = torch.nn.functional.cross_entropy(module(x), y)
        ...     return x + strength * torch.autograd.grad(loss, x)[0].sign()
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=1), digits)
        >>> x, y = digits.test_images(20)
        >>> A, I = pyrosnn.disjoint_sample_sets(bnn, x, attack=10, inference=50, seed=0)
        >>> attack = ExternalAttack(function=sign_step, norm="linf", strength=0.1)
        >>> attack(bnn, x, y, A).num_gradients
        10
    """

    function: AttackFunction
    norm: Annotated[str, OneOf(MEASURED_NORMS)] = "l2"
    fixed_samples: bool = True

    chooses_loss: ClassVar[bool] = False
    follows_gradient: ClassVar[bool] = False
    norms: ClassVar[Mapping[str, Norm]] = MEASURED_NORMS

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: for what cannot be called, or ``gradient="mean_loss"``.
        """
        super().__post_init__()
        require(
            _is_function(self.function),
            "the function of an attack is called with (module, x, y, strength), got "
            f"{self.function!r}",
        )
        require(
            self.gradient in OUTPUT_OF,
            f"gradient must be one of {', '.join(OUTPUT_OF)} for an attack on a module, got "
            f"'{self.gradient}': a module has one mean prediction, not a loss of each sample",
        )

    @property
    def kind(self) -> str:
        """``external``."""
        return "external"

    @property
    def options(self) -> dict[str, Any]:
        """The import path of the function, or of its type, and whether its samples are fixed."""
        function: Any = self.function
        named = function if hasattr(function, "__qualname__") else type(function)
        return {
            "function": f"{named.__module__}.{named.__qualname__}",
            "fixed_samples": self.fixed_samples,
        }

    def run(self, problem: Problem, strength: float) -> Tensor:
        """Call the function and check its result.

        Raises:
            ArgumentError: if the function returns anything but finite images like x, or one
                that is further away than the strength.
        """
        attacked, zero = self._attacked(problem, strength)
        delta = problem.clipped(attacked - problem.x)
        norm = problem.norm.measure(delta)
        scale = problem.norm.measure(problem.x + delta)
        self._require_within(strength, norm, torch.finfo(delta.dtype).eps * scale)
        problem.saw(~zero)
        return delta

    def _attacked(self, problem: Problem, strength: float) -> tuple[Tensor, Tensor]:
        """Call the function on all images, or on groups of them until rows are recognised.

        Returns:
            The attacked images, and those whose every gradient was zero.
        """
        known = None
        if problem.samples.per_image:
            known = KnownImages(problem.x, self.norm, strength)
        module = module_of(
            problem.attacker,
            problem.samples,
            OUTPUT_OF[self.gradient],
            known=known,
            fresh=None if self.fixed_samples else problem.pages(fixed=False),
        )
        if known is None:
            return self._in_groups(module, problem, strength, [EVERY])
        for groups in known.groupings():
            known.refused.clear()
            try:
                return self._in_groups(module, problem, strength, groups)
            except Exception:  # a library may raise an error of its own in the place of ours
                if not known.refused:
                    raise
        raise AssertionError("a single image has every row")

    def _in_groups(
        self, module: SampledModule, problem: Problem, strength: float, groups: Sequence[Rows]
    ) -> tuple[Tensor, Tensor]:
        """Call the function on each group of images; count the gradients if all succeed."""
        attacked, zero = torch.empty_like(problem.x), torch.zeros_like(problem.labels).bool()
        num_gradients = 0
        for number, rows in enumerate(groups):
            part = module if isinstance(rows, slice) else module.for_examples(rows)
            seeded = (number,) if len(groups) > 1 else ()
            attacked[rows] = self._called(part, problem, strength, rows, seeded)
            zero[rows] = part.always_zero(len(attacked[rows]))
            num_gradients += part.num_gradients
        problem.num_gradients += num_gradients
        return attacked, zero

    def _called(
        self,
        module: SampledModule,
        problem: Problem,
        strength: float,
        rows: Rows,
        seeded: tuple[int, ...],
    ) -> Tensor:
        """Call the function on a copy of some images, with its own random state."""
        x, labels = problem.x[rows].detach().clone(), problem.labels[rows].clone()
        index = (problem.samples.origin.start, *seeded)
        seed = problem.seed("external", *index)
        with torch.enable_grad(), problem.random("external", *index), forked_numpy_rng(seed):
            returned = self.function(module, x.clone(), labels, strength)
        module.require_recognised()
        if not isinstance(returned, Tensor):
            raise ArgumentError(
                f"the attack returned {type(returned).__name__}, expected the attacked images as a "
                f"tensor of shape {tuple(x.shape)} (of foolbox' three results it is the second)"
            )
        require(
            returned.shape == x.shape,
            f"the attack returned shape {tuple(returned.shape)}, expected that of the images, "
            f"{tuple(x.shape)}",
        )
        attacked = returned.detach().to(x)
        bad = ~attacked.flatten(1).isfinite().all(1)
        if bad.any():
            raise ArgumentError(
                f"the attack returned NaN or infinity in {int(bad.sum())} of {len(x)} images "
                f"(first at index {int(bad.nonzero()[0])}); check the attack"
            )
        return attacked

    def _require_within(self, strength: float, norm: Tensor, rounding: Tensor) -> None:
        """Refuse perturbations that are longer than the strength, given their norms."""
        longer = norm > (1 + TOLERANCE) * strength + rounding
        if longer.any():
            furthest = int(norm.argmax())
            raise ArgumentError(
                f"the attack moved {int(longer.sum())} of {len(norm)} images further than its "
                f"strength {strength:g} in {self.norm}, the furthest by "
                f"{float(norm[furthest]):.4g} (index {furthest}); project its perturbations onto "
                "the ball, or state its norm: ExternalAttack(function=…, norm=…)"
            )


def _is_function(value: object) -> bool:
    """Return whether a value is a callable other than a class or an attack."""
    return callable(value) and not isinstance(value, Attack | type)


def _given(attack: object) -> str:
    """Return what was given in place of an attack, for an error."""
    if isinstance(attack, type) and issubclass(attack, Attack):
        return f"the class; call it: {attack.__name__}(strength=0.5)"
    return brief(attack)


def as_attack(attack: object, *, swept: bool) -> Attack:
    """Return an attack unchanged; wrap a function as an ℓ2 attack.

    Args:
        attack: an attack, or a function as :class:`ExternalAttack` takes it.
        swept: whether strengths are given beside the attack.

    Raises:
        ArgumentError: for anything else, and for a function without strengths.
    """
    if isinstance(attack, Attack):
        return attack
    require(
        _is_function(attack),
        f"attack must be an attack such as FGM(strength=0.5), or a function (module, x, y, "
        f"strength) -> attacked images; got {_given(attack)}",
    )
    require(
        swept,
        "a function has no strength of its own; give strengths=[…], or "
        "ExternalAttack(function=…, norm=…, strength=…)",
    )
    return ExternalAttack(function=cast(AttackFunction, attack))
