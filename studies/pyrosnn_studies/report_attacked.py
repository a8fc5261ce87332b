"""What a report shows of a study that attacks images."""

import xarray as xr

from pyrosnn.plots.style import count
from pyrosnn.reports import Table, Text
from pyrosnn.reports.content import Part
from pyrosnn.results import GROUP, read_spec
from pyrosnn.results.threats import strength_in, threat_name
from pyrosnn.statistics import share_interval
from pyrosnn.summaries import geometry_means
from pyrosnn_studies.findings import checks_in_words
from pyrosnn_studies.report_standard import WHY
from pyrosnn_studies.tables import mean_and_sd, number, size


def attacked_verdict(result: xr.DataTree) -> list[str]:
    """Return the accuracy at the largest strength and sizes, and what the checks say."""
    spec, values = read_spec(result), result[GROUP].dataset
    last = values.isel(strength=-1, attack_samples=-1, inference_samples=-1)
    right = last["adversarial_correct"].transpose("repeat", "example").to_numpy()
    low, high = (100 * bound for bound in share_interval(right.astype("float64")))
    attack = str(spec.get("attack", "the attack"))
    named = attack if attack == "the attack" else attack.upper()
    threat = threat_name(str(spec.get("norm", "η =")), float(last["strength"]))
    attacked = count(int(last["attack_samples"]), "attack sample")
    return [
        f"{100 * right.mean():.1f} % [{low:.1f}, {high:.1f}] of "
        f"{count(values.sizes['example'], 'image')} withstand {named}, {threat}, with {attacked}; "
        f"without attack {100 * float(last['clean_correct'].mean()):.1f} % are right.",
        *checks_in_words(result),
    ]


def attacked_reasons(result: xr.DataTree) -> list[Part]:
    """Return margin, gradient and angle at the largest strength, for each S_A."""
    means = geometry_means(result).isel(strength=-1, inference_samples=-1)
    if bool(means["gradient_norm"].isnull().all()):
        return [Text(paragraphs=["The classifier has no gradients."])]
    names = {"margin": "margin", "gradient_norm": "gradient norm", "cosine": "cosine"}
    rows = []
    for samples in means["attack_samples"].values:
        of = means.sel(attack_samples=samples)
        rows.append([size(samples), *[number(*mean_and_sd(of[name])) for name in names]])
    table = Table(
        title=(
            f"Means over images at η = {strength_in(read_spec(result), float(means['strength']))}, "
            "± standard deviation over repeats"
        ),
        columns=["S_A", *names.values()],
        rows=rows,
    )
    return [Text(paragraphs=[WHY]), table]
