"""What a report shows of a standard evaluation."""

from functools import partial

import xarray as xr

from pyrosnn.checks.finding import in_percent
from pyrosnn.checks.stored import stored_findings
from pyrosnn.plots.certificates import certificate_figure, certificate_in_words
from pyrosnn.plots.drawing import draw_png
from pyrosnn.plots.standard import (
    accuracies_figure,
    accuracies_in_words,
    errors_figure,
    errors_in_words,
    threat_names,
)
from pyrosnn.reports import Picture, Pictures, Text
from pyrosnn.reports.content import Part
from pyrosnn.summaries.certificates import GROUP
from pyrosnn.summaries.standard import num_queries
from pyrosnn_studies.report_data import FindDataset
from pyrosnn_studies.report_images import shown_images
from pyrosnn_studies.standard_tables import why_table

WHY = (
    "A perturbation δ crosses the linear boundary if gradient norm × cosine × ‖δ‖₂ exceeds the "
    "margin (theorem 4.1). The cosine is that between δ and the direction which the inference set "
    "would need."
)
SHARED = "disjoint-samples"  # whose number is the share of A's samples that I has
CONTROL = "The random δ are the control: what they lose, noise alone explains."


def standard_results(result: xr.DataTree) -> list[Part]:
    """Return how the tables are read."""
    reading = (
        f"δ is chosen on the selection set V and judged once on the inference set I, {_i(result)}"
    )
    return [Text(paragraphs=[f"{reading} {CONTROL}"])]


def _i(result: xr.DataTree) -> str:
    """Say what the attacker has of I: of few values, both sets may draw the same."""
    found = {finding.name: finding for finding in stored_findings(result)}.get(SHARED)
    if found is None or found.value is None:
        return "which is drawn apart from the attacker's sets."
    share = in_percent(found.value)
    if found.status == "fail":
        return (
            f"which is not independent of the attacker's set A: the check {SHARED} failed, as "
            f"{share} of A's samples are in I, too, more than chance allows. The accuracies under "
            "attack cannot be trusted."
        )
    if found.value == 0:
        return "whose samples the attacker has not seen."
    return (
        "which is drawn apart from the attacker's sets. The model has few values: both may draw "
        f"the same, and {share} of A's samples are in I, too, where this was checked."
    )


def standard_figures(result: xr.DataTree) -> list[Part]:
    """Return the accuracies and the errors of single images, under each threat."""
    number = num_queries(result)
    parts: list[Part] = []
    for threat, name in enumerate(threat_names(result)):
        accuracies = Picture(
            content=draw_png(partial(accuracies_figure, result, threat)),
            words=accuracies_in_words(result, threat),
            caption=f"{name}: accuracies on I, and where {number:,} queries leave them.",
        )
        errors = Picture(
            content=draw_png(partial(errors_figure, result, threat)),
            words=errors_in_words(result, threat),
            caption=f"{name}: how often single queries of an image are wrong, over images.",
        )
        parts.append(Pictures(pictures=[accuracies, errors]))
    if GROUP in result.children:
        certified = Picture(
            content=draw_png(partial(certificate_figure, result)),
            words=certificate_in_words(result),
            caption="Images whose certificate reaches beyond a radius, and those that withstand "
            "all attacks at the strength in ℓ2.",
        )
        parts.append(Pictures(pictures=[certified]))
    return parts


def standard_reasons(result: xr.DataTree) -> list[Part]:
    """Return margin, gradient and angle of the images that withstood and that fell."""
    table = why_table(result)
    if table is None:
        return [Text(paragraphs=["The classifier has no gradients."])]
    return [Text(paragraphs=[WHY]), table]


def standard_images(result: xr.DataTree, find_dataset: FindDataset) -> list[Part]:
    """Return the images that the evaluation kept."""
    if "shown" not in result.children:
        return [
            Text(paragraphs=["The file holds no images; an evaluation without --compact has them."])
        ]
    return [*shown_images(result, find_dataset)]
