"""Which sites of a Pyro model and guide are Θ, which are labels, and which belong to an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pyrosnn.adapters.posterior_samples import PosteriorSamples, by_sample, without_prefix
from pyrosnn.adapters.pyro_labels import LABELS, is_label, without_wrappers
from pyrosnn.adapters.pyro_program import Nodes, drawn_sites
from pyrosnn.errors import ArgumentError, require


@dataclass(frozen=True)
class Runs:
    """The sites of a program that was run on three images, and on two.

    Attributes:
        three: its nodes for three images.
        two: the same for two.
    """

    three: Nodes
    two: Nodes

    @property
    def drawn(self) -> dict[str, Tensor]:
        """The values that it drew for three images."""
        return drawn_sites(self.three)

    def of_images(self, name: str) -> bool:
        """Return whether a site that was drawn has values for each image."""
        two = drawn_sites(self.two)
        return name in two and self.drawn[name].shape != two[name].shape


def label_of(model: Runs, drawn: Mapping[str, Tensor]) -> str | None:
    """Return the name of the only site with classes; None if there is none.

    Args:
        model: the model.
        drawn: what the guide draws.

    Raises:
        ArgumentError: if there are several, naming them.
    """
    labels = [
        name
        for name, node in model.three.items()
        if node["type"] == "sample" and name not in drawn and is_label(node["fn"], 3)
    ]
    of_classes = [n for n in labels if isinstance(without_wrappers(model.three[n]["fn"]), LABELS)]
    labels = of_classes or labels  # beside them, a Bernoulli is noise
    if len(labels) > 1:
        raise ArgumentError(
            f"the model has several sites of labels ({', '.join(labels)}); name the one whose "
            "logits are meant: logits='…'"
        )
    return labels[0] if labels else None


def shared_sites(
    model: Runs, guide: Runs, label: str | None, *, posterior: bool
) -> tuple[list[str], list[str]]:
    """Return the names of the sites that the guide draws, and of those drawn from their prior.

    The latter belong to an image, and the guide leaves them out or has those of other images.

    Args:
        model: the model.
        guide: the guide.
        label: name of the label's site.
        posterior: whether the guide draws samples of a posterior, for errors.

    Raises:
        ArgumentError: for sites of the model alone.
    """
    drawn = guide.drawn
    latent = [name for name in model.drawn if name != label]
    prior = [
        name
        for name in latent
        if label is not None and model.of_images(name) and not guide.of_images(name)
    ]
    weights = [name for name in drawn if name in latent and name not in prior]
    for name in latent:
        if name in weights or name in prior:
            continue
        if posterior:
            begin, end = "the samples do not hold", f"they hold {', '.join(drawn)}"
        else:
            begin, end = "the guide does not draw", f"it draws {', '.join(drawn)}"
        if model.of_images(name):
            end += "; labels are a Categorical, OneHotCategorical or Bernoulli"
        raise ArgumentError(f"{begin} '{name}', which the model does; {end}")
    names = [*weights, *prior]
    require(
        len(names) >= 1,
        f"the {'samples hold' if posterior else 'guide draws'} no site that the model has; check "
        "their names",
    )
    require(
        "images" not in names, "a site is named 'images', as pyrosnn's plate is; rename the site"
    )
    return weights, prior


def posterior_of(samples: Mapping[str, Any], model: Runs) -> PosteriorSamples:
    """Return the guide that draws one of many samples.

    Sites that belong to an image are left out: the samples have those of the training images.

    Args:
        samples: arrays by site; those that are no latent sites are left out.
        model: the model.

    Raises:
        ArgumentError: for samples of other sites, or of a shape that does not fit.
    """
    latent = {name: value for name, value in model.drawn.items() if not model.of_images(name)}
    names = without_prefix(samples, latent)
    found = {own: samples[other] for other, own in names.items() if own in latent}
    require(
        len(found) >= 1,
        f"the samples are of {', '.join(samples) or 'no site'}, expected those of the model: "
        f"{', '.join(latent)}",
    )
    stacks = by_sample(found, {name: latent[name].shape for name in found})
    return PosteriorSamples({name: value.to(latent[name]) for name, value in stacks.items()})


def image_axis(name: str, three: Sequence[int], two: Sequence[int]) -> int | None:
    """Return the axis of images of a site's value, None if there is none.

    Args:
        name: the site.
        three: shape of its value for three images.
        two: the same for two.

    Raises:
        ArgumentError: if more than one axis differs, or one in another way.

    Example:
        >>> image_axis("mask", (5, 3), (5, 2))
        1
    """
    if three == two:
        return None
    differing = [axis for axis, (a, b) in enumerate(zip(three, two, strict=False)) if a != b]
    require(
        len(three) == len(two) and [(three[a], two[a]) for a in differing] == [(3, 2)],
        f"site '{name}' has shape {tuple(three)} for 3 images and {tuple(two)} for 2, expected one "
        "axis of images, or none",
    )
    return differing[0]
