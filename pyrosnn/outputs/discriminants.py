r"""The interface of discriminant functions: values, derivatives, and means over samples.

Everything here is exact algebra on small arrays of logits, shape (sample, example, class), done
in float64: with float32, 1 - p_y is 0 once the logits differ by 17, and an attack or a
condition built on it would be wrong without a sign of it. Sums over samples are given for some of
them at a time, so that they may come in chunks.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor

from pyrosnn.shapes import Labels, Logits, PerClass

if TYPE_CHECKING:
    from pyrosnn.outputs.mean import MeanPrediction


class Discriminants(ABC):
    r"""The functions $f_c(x, \theta_s)$ of one kind, as functions of the logits $z_s$.

    A kind is a subclass in a file of its own and a row in ``OUTPUTS``. It holds no state.
    """

    @abstractmethod
    def values(self, logits: Logits) -> Logits:
        r"""Return $f(x, \theta_s)$ in float64."""

    @abstractmethod
    def cotangent(self, logits: Logits, k: Labels) -> Logits:
        r"""Return $\partial f_k(x, \theta_s) / \partial z_s$ for each sample, float64.

        Args:
            logits: logits of each sample.
            k: a class for each image.
        """

    def margin_cotangent(self, logits: Logits, y: Labels, c: Labels) -> Logits:
        r"""Return $\partial (f_y - f_c)(x, \theta_s) / \partial z_s$ for each sample, float64.

        Args:
            logits: logits of each sample.
            y: labels.
            c: the class compared with, for each image.
        """
        return self.cotangent(logits, y) - self.cotangent(logits, c)

    @abstractmethod
    def slopes(self, values: Logits, tangents: Logits, y: Labels) -> Logits:
        r"""Return the derivative of $f_c - f_y$ along a direction u, for each sample, float64.

        Args:
            values: $f(x, \theta_s)$.
            tangents: derivative of the logits along u.
            y: labels.

        Returns:
            $\langle -\nabla(f_y - f_c), u \rangle$ for all classes, 0 at c = y.
        """

    @abstractmethod
    def averaged_logits(self, logits: Tensor) -> Tensor:
        """Return logits whose f is the mean of f over an axis, up to a constant for all classes.

        Args:
            logits: shape (…, n, class); the mean is over n, in the logits' precision, and has a
                graph where they have one.
        """

    @abstractmethod
    def pool(
        self, exact: Logits, before: PerClass | None, weights: Tensor | None = None
    ) -> PerClass | None:
        r"""Add samples to the scores of a mean prediction.

        A score is monotone in $\sum_s f_c$, and tells two classes apart however small they are.

        Args:
            exact: logits of further samples, float64.
            before: the scores of the samples before; None if these are the first.
            weights: how much each sample counts, shape (sample,); None if all count alike.

        Returns:
            The scores of all; None where $\sum_s z_s$ is the score, which is kept anyway.
        """

    @abstractmethod
    def total(self, scores: PerClass) -> PerClass:
        r"""Return $\sum_s f(x, \theta_s)$, given the scores."""

    @abstractmethod
    def prediction_logits(self, mean: "MeanPrediction") -> PerClass:
        r"""Return logits whose softmax is the prediction: $\log f^S$ up to a constant, or $f^S$."""

    @abstractmethod
    def log_prob_cotangents(self, logits: Logits, y: Labels, mean: "MeanPrediction") -> Logits:
        r"""Return $\partial \log p_y / \partial z_s$, where p is the prediction's softmax, float64.

        A sample's weight is left to :class:`ScaledSum`, which multiplies by it; so it is in all
        cotangents.

        Args:
            logits: logits of some samples.
            y: labels.
            mean: the mean prediction of all samples, see :meth:`prediction_logits`.
        """

    @abstractmethod
    def log_probs_vjp(self, g: PerClass, logits: Logits, mean: "MeanPrediction") -> Logits:
        r"""Return the logits' cotangents, given those of all $\log p_c$ of the prediction.

        Args:
            g: cotangents of the log-probabilities, float64.
            logits: logits of some samples.
            mean: the mean prediction of all samples.
        """
