"""Classifiers made of a finite number of networks: a sample is the index of one."""

from abc import abstractmethod

import pyro
import torch
from pyro.distributions import Categorical
from torch import Tensor

from pyrosnn.adapters.adapter import Adapter
from pyrosnn.errors import ArgumentError, require
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import Origin, SampleSet, enumerated
from pyrosnn.sampling.enumeration import HasMembers
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.shapes import Sites


class Members(Adapter):
    """A uniform choice among M members; a sample is an index, drawn **with** replacement.

    A and I are disjoint as draws, and independent; but the same member may come up in both, and
    will if the sets are large against M: then attacker and judge share networks, as they do in a
    deployed ensemble that predicts with all its members; :func:`all_members` is exactly that I.
    For an attack on members that the judge does not have, draw the sets with
    :func:`disjoint_members`.

    A member is evaluated once for all samples that name it.

    Args:
        image_shape: shape of one image.
        num_members: M.
        output: what f_c is.
    """

    def __init__(self, image_shape: tuple[int, ...], num_members: int, *, output: str):
        super().__init__(image_shape, output=output)
        require(num_members >= 2, f"expected at least two members, got {num_members}")
        self.num_members = num_members

    @abstractmethod
    def member_logits(self, x: Tensor, members: Tensor) -> Tensor:
        """Return logits of each member, shape (member, example, class).

        Args:
            x: images, shape (example, *image), or (member, example, *image).
            members: indices, shape (member,).
        """

    def member_sites(self, members: Tensor) -> Sites:
        """Return the samples that are these members, shape (sample, 1)."""
        return {"member": members.unsqueeze(1)}

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw an index for all images."""
        return {"member": pyro.sample("member", Categorical(logits=x.new_zeros(self.num_members)))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the members that were drawn."""
        members = sites["member"].flatten()
        if x.ndim > len(self.image_shape) + 1:  # images of each sample's own
            return self.member_logits(x, members)
        drawn, which = members.unique(return_inverse=True)
        return self.member_logits(x, drawn)[which]


def all_members(classifier: StochasticClassifier, *, stream: str = "inference") -> SampleSet:
    """Return a set of all members, each once: the mean of a deployed ensemble, exactly.

    The same as :func:`pyrosnn.enumerated`, which takes noise with finitely many values, too.

    Args:
        classifier: an ensemble, samples of weights, or a Pyro model with samples of a posterior.
        stream: ``inference`` for I; ``attack`` for an attacker who has all members, too.

    Raises:
        ArgumentError: for a classifier that draws from a guide.

    Example:
        >>> from pyrosnn.adapters import Ensemble
        >>> nets = [
        ...     torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)) for _ in range(5)
        ... ]
        >>> all_members(Ensemble(nets, (1, 8, 8))).tensors["member"].flatten()
        tensor([0, 1, 2, 3, 4])
    """
    _with_members(classifier)
    return enumerated(classifier, stream=stream)


def disjoint_members(
    classifier: StochasticClassifier,
    *,
    attack: int,
    inference: int,
    seed: int,
    repeat: int = 0,
    block: int = 0,
) -> tuple[SampleSet, SampleSet]:
    """Split members between A and I: an attack on networks that inference does not use.

    Both sets are fixed: an attack that wants fresh samples in each step is refused.

    Args:
        classifier: an ensemble, samples of weights, or a Pyro model with samples of a posterior.
        attack: S_A, the number of members in A.
        inference: S_I, the number in I.
        seed: root seed.
        repeat: counter of the repetition.
        block: counter of the block of images.

    Returns:
        A and I.

    Raises:
        ArgumentError: if there are fewer members than asked for.

    Example:
        >>> from pyrosnn.adapters import Ensemble
        >>> nets = [
        ...     torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)) for _ in range(5)
        ... ]
        >>> A, I = disjoint_members(Ensemble(nets, (1, 8, 8)), attack=2, inference=3, seed=0)
        >>> dealt = torch.cat([A.tensors["member"], I.tensors["member"]])
        >>> dealt.flatten().sort().values
        tensor([0, 1, 2, 3, 4])
    """
    require(
        min(attack, inference) >= 1,
        f"attack and inference must be >= 1, got {attack} and {inference}",
    )
    ensemble = _with_members(classifier)
    number = ensemble.num_members
    require(
        attack + inference <= number,
        f"{attack} + {inference} members were asked for, there are {number}; ask for fewer, or "
        "draw with replacement: disjoint_sample_sets",
    )
    with forked_rng(seed_sequence(seed, "members", repeat, block)):
        order = torch.randperm(number).to(ensemble.device)
    a, i = (
        _set_of(
            ensemble,
            members,
            Origin(seed=seed, stream=stream, repeat=repeat, block=block, stop=len(members)),
        )
        for stream, members in (
            ("attack", order[:attack]),
            ("inference", order[attack : attack + inference]),
        )
    )
    return a, i


def _with_members(classifier: StochasticClassifier) -> HasMembers:
    """Return the classifier; refuse one without members.

    Raises:
        ArgumentError: naming what has members.
    """
    if isinstance(classifier, HasMembers) and classifier.num_members > 0:
        return classifier
    raise ArgumentError(
        "expected a classifier with members (Ensemble, WeightSamples, or PyroClassifier with "
        f"samples), got a {type(classifier).__name__} without; draw disjoint_sample_sets"
    )


def _set_of(classifier: HasMembers, members: Tensor, origin: Origin) -> SampleSet:
    return SampleSet(origin=origin, stored=classifier.member_sites(members))
