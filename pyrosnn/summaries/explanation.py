"""What a defence bought: the change between two models, split by the factors of theorem 4.1."""

from itertools import product

import numpy as np
import xarray as xr

from pyrosnn.results import read_spec
from pyrosnn.statistics import require_confidence, shapley_values
from pyrosnn.summaries.advice import is_measured
from pyrosnn.summaries.attack_limit import with_limit
from pyrosnn.summaries.change import with_interval
from pyrosnn.summaries.explained import common_values
from pyrosnn.summaries.factors import FACTORS, factors_of, withstands
from pyrosnn.summaries.judged import judged_changes
from pyrosnn.summaries.reach import follows_law
from pyrosnn.summaries.reading import of_result
from pyrosnn.summaries.standard import num_queries

ENDS = ("", "_low", "_high")
# Changes with an interval, and the further dimensions of each.
SIZES = {"change": (), "part": (len(FACTORS),), "predicted": (), "remainder": ()}
# The largest value of an image where that is not 1: theory may predict the opposite change.
MOST = {"remainder": 2.0}


@of_result
def explain(
    first: xr.DataTree,
    second: xr.DataTree,
    *,
    strength: float | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    r"""Split the change of adversarial accuracy between two models by the factors of theorem 4.1.

    By linear theory an image withstands δ if its margin exceeds
    $\|\nabla (f_y - f_j)\| \cdot \|\delta\| \cos$. The factors of the first model are exchanged for
    those of the second one by one, in all orders, for each image and each pair of repeats
    (:func:`~pyrosnn.statistics.shapley.shapley_values`). Means over these are the parts. What
    linear theory does not explain is the remainder, so that parts and remainder add up to the
    change that was measured.

    Args:
        first: a result of the model without the defence: of attacked images, or of the standard
            evaluation.
        second: one of the model with it: the same data set, attack and images. Loss, gradient and
            precision may differ, as in :func:`~pyrosnn.summaries.compare_results`.
        strength: a strength η of both; None takes all that both have.
        confidence: confidence of the intervals,
            :func:`~pyrosnn.statistics.change.change_interval`.

    Returns:
        A dataset over ``strength`` and ``attack_samples`` (S_A), or of standard evaluations over
        ``threat``, and over ``factor``: the ``margin`` (and with it the clean accuracy), the
        ``gradient_norm`` and the ``cosine`` (with the length of δ, where it differs):

        - ``first``, ``second``: adversarial accuracies, and ``change``, second minus first;
        - ``part``: what each factor changes; ``predicted``: their sum, the change of linear theory;
        - ``remainder``: change minus predicted;
        - ``first_predicted``, ``second_predicted``: accuracies by linear theory;
        - ``first_mean``, ``second_mean``: means of the factors, as the results have them.

        Changes have an interval in ``…_low`` and ``…_high``. Where both are results of ``pyrosnn
        diagnose`` for one step, S_A = ∞ is among the sizes: there linear theory predicts, and
        nothing is measured (NaN). Standard evaluations have the changes that other judges see over
        ``judge``, :func:`~pyrosnn.summaries.judged.judged_changes`. Attributes say the number of
        images, the smaller number of repeats, the confidence, and the norm that bounds δ.

    Raises:
        ArgumentError: naming the setting that differs, or what the results do not have in common;
            for results without gradients, or without the ℓ2 length of δ.

    References:
        Däubener and Fischer (2022), theorem 4.1; Shapley (1953).

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> x, y = digits.test_images(50)
        >>> results = []
        >>> for epochs in (1, 5):
        ...     model = pyrosnn.train(pyrosnn.preset("bnn", epochs=epochs), digits)
        ...     A, I = pyrosnn.disjoint_sample_sets(model, x, attack=10, inference=20, seed=0)
        ...     sets = {"attack_samples": A, "inference_samples": I}
        ...     values = pyrosnn.evaluate(model, x, y, attack=pyrosnn.FGM(strength=0.4), **sets)
        ...     made = {"dataset_digest": digits.digest, "dataset": "digits"}
        ...     results += [pyrosnn.make_result(values, study="mine", spec={}, provenance=made)]
        >>> found = pyrosnn.explain(*results).squeeze()
        >>> found["part"].dims
        ('factor',)
        >>> whole = float(found["part"].sum() + found["remainder"])
        >>> abs(whole - float(found["change"])) < 1e-12
        True
    """
    require_confidence(confidence)
    one, other = common_values(first, second, strength)
    others = xr.Dataset()
    if "threat" in one.dims:
        queries = (num_queries(first), num_queries(second))
        others = judged_changes(one, other, queries, confidence=confidence)
    elif knows_limit(first) and knows_limit(second):
        one, other = (
            with_limit(values, result["moments"].to_dataset())
            for values, result in zip((one, other), (first, second), strict=True)
        )
    found = _split(one, other, confidence).merge(others, compat="override")
    return found.assign_attrs(
        images=one.sizes["example"],
        repeats=min(one.sizes["repeat"], other.sizes["repeat"]),
        confidence=confidence,
        norm="" if "threat" in one.dims else str(read_spec(first).get("norm", "")),
    )


def knows_limit(result: xr.DataTree) -> bool:
    """Whether a result knows the cosines that more attack samples would reach.

    It takes the moments of a diagnosis, which has them of an attack in one step. Those of an older
    file, without resampled cosines, follow a law that is one of ℓ2.

    Args:
        result: a result of attacked images.
    """
    if "moments" not in result.children:
        return False
    return is_measured(result["moments"].dataset) or follows_law(read_spec(result))


def _split(first: xr.Dataset, second: xr.Dataset, confidence: float) -> xr.Dataset:
    """Split the change under each attack."""
    cases = [str(dim) for dim in first["withstood"].dims if dim not in ("repeat", "example")]
    both = [_arrays(values, cases) for values in (first, second)]
    shape = [first.sizes[dim] for dim in cases]
    found = {name: np.zeros([*shape, *size, len(ENDS)]) for name, size in SIZES.items()}
    for place in product(*map(range, shape)):
        # each repeat of the first beside each of the second
        one = [array[place][:, None] for array in both[0]]
        other = [array[place][None, :] for array in both[1]]
        for name, of in _changes(one, other).items():
            of_each = of.reshape(-1, *of.shape[-3:])
            most = MOST.get(name, 1.0)
            intervals = [with_interval(change, confidence, most=most) for change in of_each]
            found[name][place] = np.reshape(intervals, found[name][place].shape)
    changes = {
        f"{name}{end}": ([*cases, *(["factor"] * len(SIZES[name]))], values[..., index])
        for name, values in found.items()
        for index, end in enumerate(ENDS)
    }
    levels = _levels("first", first, cases) | _levels("second", second, cases)
    kept = {name: one for name, one in first.coords.items() if set(one.dims) <= set(cases)}
    return xr.Dataset({**levels, **changes}, coords={**kept, "factor": list(FACTORS)})


def _arrays(values: xr.Dataset, cases: list[str]) -> list[np.ndarray]:
    """Return what was measured, and the factors, shape (case, …, repeat, example)."""
    measured = values["withstood"].astype("float64")
    return [
        array.broadcast_like(measured).transpose(*cases, "repeat", "example").values
        for array in (measured, *factors_of(values))
    ]


def _changes(first: list[np.ndarray], second: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the changes of each image under one attack, of shapes that end with the same three.

    Args:
        first: what was measured, and the factors, shape (first repeat, 1, example).
        second: the same of the second model, shape (1, second repeat, example).
    """
    measured = second[0] - first[0]

    def outcome(new: frozenset[int]) -> np.ndarray:
        chosen = [(second if index in new else first)[index + 1] for index in range(len(FACTORS))]
        return np.broadcast_to(withstands(chosen), measured.shape)

    parts = shapley_values(outcome, len(FACTORS))
    predicted = parts.sum(0)
    return {
        "change": measured,
        "part": parts,
        "predicted": predicted,
        "remainder": measured - predicted,
    }


def _levels(which: str, values: xr.Dataset, cases: list[str]) -> dict[str, xr.DataArray]:
    """Return what a model has: accuracies, measured and by linear theory, and mean factors."""
    over = ["repeat", "example"]
    measured, *factors = _arrays(values, cases)
    predicted = withstands(factors).mean((-2, -1))
    means = [values[name].astype("float64").mean(over) for name in FACTORS]
    return {
        which: xr.DataArray(measured.mean((-2, -1)), dims=cases),
        f"{which}_predicted": xr.DataArray(predicted, dims=cases),
        f"{which}_mean": xr.concat(means, "factor").drop_attrs().transpose(*cases, "factor"),
    }
