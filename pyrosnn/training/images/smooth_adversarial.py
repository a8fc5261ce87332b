"""`smooth-adversarial`: one δ for all noisy copies of an image."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from torch import Tensor

from pyrosnn.attacks import Attack, AttackResult
from pyrosnn.errors import require
from pyrosnn.models.smoothed import SITE, Smoothed
from pyrosnn.sampling import draw_sample_set
from pyrosnn.settings import INTERNAL, OneOf
from pyrosnn.training.images.attack_samples import ATTACK_SAMPLES, STREAM
from pyrosnn.training.images.attacked import AttackedImages

if TYPE_CHECKING:
    from pyrosnn.training.spec import TrainingSpec
    from pyrosnn.training.step import Step


@dataclass(frozen=True, kw_only=True)
class SmoothAdversarial(AttackedImages):
    r"""SmoothAdv: adversarial training of the classifier that is averaged over noise.

    The attack ascends the loss of the mean prediction over the m noisy copies of an image,
    $-\log \frac1m \sum_i p(y \mid x + \delta + \varepsilon_i)$, with the same $\varepsilon_i$ in
    all steps. The loss is the objective at the same copies, $x + \delta + \varepsilon_i$, all
    with the one δ. The copies are those of ``smoothing_variance`` and ``noisy_copies``: with
    strength 0 it is the training on noisy images, bit for bit.

    Weights and other noise of the attack are ``num_samples`` samples of the stream ``training``.

    References:
        H. Salman et al., Provably robust deep learning via adversarially trained smoothed
        classifiers, NeurIPS 2019, equation 6: PGD with 2 to 10 steps, m from 2 to 8.

    Example:
        >>> SmoothAdversarial(strength=0.5, clip=False).noise
        'fixed'
    """

    # no option: all steps see the same copies
    noise: Annotated[str, OneOf(ATTACK_SAMPLES), INTERNAL] = "fixed"

    def check(self, spec: "TrainingSpec") -> None:
        """Refuse training without noise on the images, and other samples in each step."""
        super().check(spec)
        require(
            spec.smoothing_variance > 0,
            "smooth-adversarial attacks noisy copies of an image; set smoothing_variance, such as "
            "0.1, and noisy_copies",
        )
        require(
            self.noise == "fixed",
            f"all steps of the attack see the same noisy copies: noise is 'fixed', got "
            f"'{self.noise}'",
        )

    def loss(self, step: "Step") -> Tensor:
        """Return the objective at the attacked copies."""
        if self.warming_up(step):
            return step.loss(step.clean)
        return step.loss(step.evaluate(self.attacked(step)))

    def run(self, attack: Attack, step: "Step") -> Tensor:
        """Return the δ of each copy: one for all copies of an image."""
        spec, classifier = step.setting.spec, step.setting.classifier
        copies = step.x.unflatten(0, (-1, spec.noisy_copies))
        # any point will do for the image itself, which only δ moves: their mean
        x, y = copies.mean(1), step.y[:: spec.noisy_copies]
        smoothed = Smoothed(
            classifier, variance=spec.smoothing_variance, num_noise=spec.noisy_copies
        )
        samples = draw_sample_set(
            smoothed,
            x,
            self.num_samples,
            seed=spec.seed,
            stream=STREAM,
            repeat=step.epoch,
            block=step.batch,
        ).load()
        noise = (copies - x.unsqueeze(1)).expand(self.num_samples, *copies.shape)
        own = replace(samples, stored={**samples.tensors, SITE: noise})
        found: AttackResult = attack(smoothed.eval(), x, y, own)
        return found.perturbation.repeat_interleave(spec.noisy_copies, 0)
