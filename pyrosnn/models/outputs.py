r"""From the logits of many samples to the mean prediction, its margins and their derivatives.

Everything here is exact algebra on small arrays of logits, shape (sample, example, class), done
in float64: with float32, 1 - p_y is 0 once the logits differ by 17, and an attack or a
condition built on it would be wrong without a sign of it.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from pyrosnn.models.classifier import Output

Logits = Float[Tensor, "sample example class_"]
Labels = Int[Tensor, " example"]
PerClass = Float[Tensor, "example class_"]


def one_hot(y: Labels, like: Tensor) -> Float[Tensor, "example class_"]:
    """Return e_y for each image, with the classes and dtype of ``like``."""
    return torch.nn.functional.one_hot(y.long(), like.shape[-1]).to(like.dtype)


def mean_discriminants(logits: Logits, output: Output) -> PerClass:
    r"""Return the prediction $f^S(x) = \frac1S \sum_s f(x, \theta_s)$ in float64.

    Args:
        logits: logits of each sample.
        output: what f is.
    """
    exact = logits.double()
    return (exact.softmax(-1) if output == "probs" else exact).mean(0)


def predicted_class(logits: Logits, output: Output) -> Labels:
    r"""Return $\arg\max_c f_c^S(x)$."""
    return mean_discriminants(logits, output).argmax(-1)


def runner_up(logits: Logits, y: Labels, output: Output) -> Labels:
    r"""Return $\arg\max_{c \neq y} f_c^S(x)$, compared as log-probabilities (no underflow)."""
    exact = logits.double()
    scores = exact.log_softmax(-1).logsumexp(0) if output == "probs" else exact.mean(0)
    return scores.masked_fill(one_hot(y, scores).bool(), -torch.inf).argmax(-1)


def label_direction(logits: Tensor, y: Labels) -> Tensor:
    r"""Return $\nabla_z \log p_y = e_y - p$, with the label's entry as $\sum_{j \neq y} p_j$.

    Args:
        logits: shape (…, example, class), float64.
        y: labels.
    """
    hot = one_hot(y, logits)
    others = logits.softmax(-1) * (1 - hot)
    return hot * others.sum(-1, keepdim=True) - others


def discriminant_cotangent(logits: Logits, k: Labels, output: Output) -> Logits:
    r"""Return $\partial f_k^S / \partial z_s$ for each sample, float64.

    Args:
        logits: logits of each sample.
        k: a class for each image.
        output: what f is; for probabilities $\partial p_k / \partial z = p_k (e_k - p)$.
    """
    exact = logits.double()
    if output == "logits":
        return one_hot(k, exact).expand_as(exact) / len(exact)
    p_k = exact.softmax(-1).gather(-1, k.expand(len(exact), -1).unsqueeze(-1))
    return p_k * label_direction(exact, k) / len(exact)


def margin_cotangent(logits: Logits, y: Labels, c: Labels, output: Output) -> Logits:
    r"""Return $\partial (f_y^S - f_c^S) / \partial z_s$ for each sample, float64.

    Args:
        logits: logits of each sample.
        y: labels.
        c: the class compared with, for each image.
        output: what f is.
    """
    return discriminant_cotangent(logits, y, output) - discriminant_cotangent(logits, c, output)


def margins_and_slopes(
    logits: Logits, tangents: Logits, y: Labels, output: Output
) -> tuple[PerClass, PerClass, Bool[Tensor, " example"]]:
    r"""Return the margins of the mean prediction and how fast they shrink along a direction.

    Args:
        logits: logits of each sample at x.
        tangents: derivative of the logits along a direction u in the input.
        y: labels.
        output: what f is.

    Returns:
        Margins $f_y - f_c$, slopes $\langle -\nabla(f_y - f_c), u \rangle$, both for all
        classes (0 at c = y), and whether the mean prediction is y.
    """
    exact, moving = logits.double(), tangents.double()
    label = y.expand(len(exact), -1).unsqueeze(-1)
    if output == "probs":
        values = exact.softmax(-1)
        # dp_c = p_c (dz_c - Σ_j p_j dz_j) does not change when a constant is added to dz:
        # measured from the label's, nothing cancels when p_y is close to 1
        moving = moving - moving.gather(-1, label)
        derivatives = values * (moving - (values * moving).sum(-1, keepdim=True))
    else:
        values, derivatives = exact, moving
    f, df = values.mean(0), derivatives.mean(0)
    f_y, df_y = f.gather(-1, y.unsqueeze(-1)), df.gather(-1, y.unsqueeze(-1))
    return f_y - f, df - df_y, f.argmax(-1) == y
