"""The cosine to expect between attack and inference gradient, from the gradients' moments."""

import numpy as np

Moment = np.ndarray | float | int


def expected_cosine(
    *,
    alignment: Moment,
    attack_square: Moment,
    attack_trace: Moment,
    inference_square: Moment,
    inference_trace: Moment,
    attack_samples: float | int,
    inference_samples: float | int,
) -> np.ndarray:
    r"""Return the first-order expectation of the cosine.

    $$\frac{\langle \mu_a, \mu_c \rangle}{\sqrt{(\|\mu_a\|^2 + T_a / S_A)
    (\|\mu_c\|^2 + T_c / S_I)}}$$

    With one gradient for attack and condition (the margin loss) the numerator is ‖μ‖². NaN
    where an estimated moment leaves the square root negative.

    Args:
        alignment: ⟨μ_a, μ_c⟩ of the mean single-sample gradients, attack and condition.
        attack_square: ‖μ_a‖².
        attack_trace: T_a, trace of the covariance of the attack's single-sample gradient.
        inference_square: ‖μ_c‖².
        inference_trace: T_c.
        attack_samples: S_A; ``math.inf`` for the limit of many samples.
        inference_samples: S_I; ``math.inf`` likewise.

    Example:
        >>> moments = dict(alignment=1.0, attack_square=1.0, inference_square=1.0)
        >>> traces = dict(attack_trace=10.0, inference_trace=10.0)
        >>> float(expected_cosine(**moments, **traces, attack_samples=10, inference_samples=10))
        0.5
    """
    attack = np.asarray(attack_square) + np.asarray(attack_trace) / attack_samples
    inference = np.asarray(inference_square) + np.asarray(inference_trace) / inference_samples
    product = np.where((attack > 0) & (inference > 0), attack * inference, np.nan)
    return np.asarray(np.asarray(alignment) / np.sqrt(product))


def second_order_cosine(
    *,
    square: Moment,
    trace: Moment,
    quadratic: Moment,
    trace_of_square: Moment,
    attack_samples: float | int,
    inference_samples: float | int,
) -> np.ndarray:
    r"""Return the second-order expectation of the cosine where both gradients are the same.

    $c_0 [1 - \frac{q}{S_A m N_A} - \frac{q}{S_I m N_I} + \frac38 \frac{V_A}{N_A^2} + \frac38
    \frac{V_I}{N_I^2}]$ with $m = \|\mu\|^2$, $N_k = m + T / S_k$, $q = \mu^\top \Sigma \mu$ and
    $V_k = 4 q / S_k + 2 \operatorname{tr} \Sigma^2 / S_k^2$; $c_0 = m / \sqrt{N_A N_I}$ is the
    first order. Where m = 0 the expectation is 0.

    Args:
        square: ‖μ‖².
        trace: tr Σ.
        quadratic: μᵀΣμ.
        trace_of_square: tr Σ².
        attack_samples: S_A.
        inference_samples: S_I.
    """
    m, q, t2 = np.asarray(square), np.asarray(quadratic), np.asarray(trace_of_square)
    safe = np.where(m > 0, m, 1.0)
    correction = np.ones_like(m + np.asarray(trace), dtype=float)
    first = m
    for size in (attack_samples, inference_samples):
        length = np.where(m > 0, m + np.asarray(trace) / size, 1.0)
        variance = 4 * q / size + 2 * t2 / size**2
        correction = correction - q / (size * safe * length) + 3 / 8 * variance / length**2
        first = first / np.sqrt(length)
    return np.asarray(np.where(m > 0, first * correction, 0.0))
