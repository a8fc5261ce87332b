"""The report of a result: what a page shows of it, gathered from its study."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from pyrosnn.checks import STATUSES, Finding
from pyrosnn.errors import PyrosnnError
from pyrosnn.plots.drawing import draw_png
from pyrosnn.plots.style import count, model_name
from pyrosnn.reports import Findings, Picture, Pictures, Report, Section, Text, report_page
from pyrosnn.reports.content import Part
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.settings.source import docstring_of
from pyrosnn.tables import Table
from pyrosnn_studies import STUDIES
from pyrosnn_studies.certificate_tables import certificate_verdict
from pyrosnn_studies.diagnosis_tables import verdict as diagnosis_verdict
from pyrosnn_studies.findings import checks_in_words, findings_of
from pyrosnn_studies.report_attacked import attacked_reasons, attacked_verdict
from pyrosnn_studies.report_data import FindDataset, dataset_of
from pyrosnn_studies.report_images import clean_images
from pyrosnn_studies.report_record import record_sections
from pyrosnn_studies.report_standard import (
    standard_figures,
    standard_images,
    standard_reasons,
    standard_results,
)
from pyrosnn_studies.shown import shown_of
from pyrosnn_studies.standard_tables import standard_tables, standard_verdict
from pyrosnn_studies.tables import all_accuracies, cosines

if TYPE_CHECKING:
    from pyrosnn.data.dataset import Dataset

Parts = Callable[[xr.DataTree], list[Part]]


def _nothing(result: xr.DataTree) -> list[Part]:
    return []


def _tables(result: xr.DataTree) -> list[Table]:
    """Return the tables of a result's study, or those that any evaluation has."""
    if result.attrs.get("study") in STUDIES:
        return shown_of(result).tables(result)
    return [*all_accuracies(result), cosines(result)] if GROUP in result.children else []


def _figures(result: xr.DataTree) -> list[Part]:
    """Return the figure of a result's study, or a sentence where there is none."""
    try:
        content = draw_png(lambda: shown_of(result).figure(result))
    except PyrosnnError as error:
        return [Text(paragraphs=[f"There is no figure: {error}."])]
    name = result.attrs["study"]
    first = _about_study(name)
    words = f"Figure of the study {name}: {first} Its numbers are in the tables above."
    return [Pictures(pictures=[Picture(content=content, words=words, caption=first)])]


def _about_study(name: str) -> str:
    """Return the first line of a study's help."""
    return docstring_of(STUDIES[name].home.partition(":")[0]).splitlines()[0]


def _about_verdict(result: xr.DataTree) -> list[str]:
    name = str(result.attrs.get("study"))
    about = _about_study(name) if name in STUDIES else "no study of this pyrosnn."
    return [f"{name}: {about}"]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a report shows of results of a kind.

    Attributes:
        verdict: sentences that it comes to.
        tables: the tables.
        reading: how the tables are read.
        figures: the figures.
        reasons: margin, gradient and angle.
        images: images that withstood and that fell.
    """

    verdict: Callable[[xr.DataTree], list[str]] = _about_verdict
    tables: Callable[[xr.DataTree], list[Table]] = _tables
    reading: Parts = _nothing
    figures: Parts = _figures
    reasons: Parts = _nothing
    images: Callable[[xr.DataTree, FindDataset], list[Part]] | None = None


def _diagnosis(result: xr.DataTree) -> list[str]:
    return [*diagnosis_verdict(result).splitlines(), *checks_in_words(result)]


def _certificates(result: xr.DataTree) -> list[str]:
    return [*certificate_verdict(result), *checks_in_words(result)]


def _clean_images(result: xr.DataTree, find_dataset: FindDataset) -> list[Part]:
    return [*clean_images(result, find_dataset)]


_ATTACKED = Kind(verdict=attacked_verdict, reasons=attacked_reasons, images=_clean_images)

# By the group that tells a kind: the first that a result has decides.
KINDS = {
    "standard": Kind(
        verdict=standard_verdict,
        tables=standard_tables,
        reading=standard_results,
        figures=standard_figures,
        reasons=standard_reasons,
        images=standard_images,
    ),
    "certificates": Kind(verdict=_certificates),
    "moments": Kind(verdict=_diagnosis, reasons=attacked_reasons, images=_clean_images),
    GROUP: _ATTACKED,
}


def make_report(
    result: xr.DataTree,
    file: Path,
    *,
    dataset: "Dataset | str | None" = None,
    data_root: Path | None = None,
) -> str:
    """Return the report of a result as one HTML page, which needs no other file.

    Args:
        result: what a study or ``open_results`` returned.
        file: where the result is, for the command that repeats it.
        dataset: data set to take images from where the result has none; by default the result's
            own, if that needs neither a download nor a function of somebody's.
        data_root: folder of the data files.

    Raises:
        PyrosnnError: for a result that its study cannot show.
    """
    kind = next((kind for group, kind in KINDS.items() if group in result.children), Kind())
    findings = findings_of(result)

    def find_dataset() -> "Dataset | str":
        return dataset_of(result, dataset, data_root)

    sections = [
        Section(
            anchor="result", title="Result", parts=[*kind.reading(result), *kind.tables(result)]
        ),
        Section(anchor="figure", title="Figure", parts=kind.figures(result)),
        Section(anchor="why", title="Why", parts=kind.reasons(result)),
        Section(anchor="checks", title="Checks", parts=_checks(findings)),
        Section(
            anchor="images",
            title="Images",
            parts=kind.images(result, find_dataset) if kind.images else [],
        ),
        *record_sections(result, file),
    ]
    return report_page(
        Report(
            title=_title(result),
            about=_about(result),
            verdict=kind.verdict(result),
            status=_worst(findings),
            sections=[section for section in sections if section.parts],
            program=f"Made by pyrosnn {version('pyrosnn')} from {file.name}.",
        )
    )


def _checks(findings: list[Finding]) -> list[Part]:
    if not findings:
        return []
    # what matters most stands first
    ordered = sorted(findings, key=lambda finding: -STATUSES.index(finding.status))
    return [Findings(findings=ordered)]


def _worst(findings: list[Finding]) -> str:
    return max((finding.status for finding in findings), key=STATUSES.index, default="skipped")


def _title(result: xr.DataTree) -> str:
    provenance = read_provenance(result)
    if "model" not in provenance:
        return str(result.attrs.get("title", "pyrosnn"))
    name = model_name(provenance, read_spec(result))
    return f"{name} on {provenance['dataset']}" if "dataset" in provenance else name


def _about(result: xr.DataTree) -> str:
    spec = read_spec(result)
    parts = [str(spec.get("protocol", result.attrs.get("study")))]
    for name, noun in (("images", "image"), ("repeats", "repeat")):
        if isinstance(spec.get(name), int):
            parts.append(count(spec[name], noun))
    return ", ".join(parts)
