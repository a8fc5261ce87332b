r"""Recognition of rows: which of its images each row of a module's batch came from.

Noise that was drawn for an image belongs to that image alone, while attack libraries drop images
from a batch, go in batches of their own, or ask about several points of one image. An attack moves
an image by no more than its strength. A row that lies within the strength of one image alone is
thus a point of that image, and no other.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor

from pyrosnn.errors import ArgumentError
from pyrosnn.shapes import Images, PerImage

# The order of each norm that a function may bound, for ``torch.cdist``.
ORDERS = {"l2": 2.0, "linf": math.inf, "l1": 1.0, "l0": 0.0}

# Share of the strength by which rounding may move a row further.
TOLERANCE = 1e-3

# Distances that are held at once, between rows and images.
HELD = 2**22


class UnknownRowError(ArgumentError):
    """A row of a batch that cannot be said to be a point of one image alone."""


class KnownImages:
    """The images that samples were drawn for, which recognise the rows of a batch.

    - A single image has every row.
    - A batch of as many rows as there are images has them in order, if each row is nearest to the
      image at its place; in any other order it is refused.
    - Any other row belongs to the only image within the strength. A row that is beyond the strength
      of all images belongs to the nearest, if it is less than half as far from it as the next
      image.

    All else is refused: the wrong image's noise would be used without a sign.

    Args:
        images: the images, shape (example, *image).
        norm: name of the norm that bounds the strength.
        strength: how far an attack moves an image.

    Attributes:
        images: as given.
        refused: texts of all refusals so far, shared with every part: a library may have caught
            the error.
    """

    def __init__(self, images: Images, norm: str, strength: float):
        self.images, self._norm, self._strength = images.detach(), norm, strength
        self.refused: list[str] = []
        flat = self.images.flatten(1)
        self._flat = flat if flat.dtype == torch.float64 else flat.float()
        largest = float(torch.linalg.vector_norm(self._flat, ORDERS[norm], dim=1).max())
        rounding = 0.0 if norm == "l0" else torch.finfo(self._flat.dtype).eps * largest
        self._reach = (1 + TOLERANCE) * strength + rounding
        self._latest: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._flat)

    def part(self, rows: Tensor) -> "KnownImages":
        """Return some of the images, by their indices."""
        part = KnownImages(self.images[rows], self._norm, self._strength)
        part.refused = self.refused
        return part

    def rows_of(self, x: Images) -> Tensor:
        """Return the index of the image of each row, shape (row,).

        Args:
            x: a batch, shape (row, *image), finite.

        Raises:
            UnknownRowError: if a row cannot be attributed to one image alone.
        """
        number = len(self)
        if number == 1:
            return torch.zeros(len(x), dtype=torch.long, device=self._flat.device)
        flat = x.detach().flatten(1).to(self._flat)
        in_order = torch.arange(number, device=flat.device)
        guess = in_order if len(flat) == number else self._latest
        if guess is not None and len(guess) == len(flat) and self._certain(flat, guess):
            return guess
        nearest, image, inside, own = self._compared(flat)
        if len(flat) == number:
            known, image = own <= nearest, in_order
        else:
            beyond = (inside == 0) & (nearest < self._apart[image] / 2)
            known = (inside == 1) | beyond
        if not bool(known.all()):
            self._refuse(known, nearest, inside)
        self._latest = image
        return image

    def groupings(self) -> Iterator[Sequence[Tensor | slice]]:
        """Yield ways to split the images into groups, in each of which rows are easier to know.

        First all images together; then groups in which no two images have a point within the
        strength in common; at last each image alone.
        """
        yield [slice(None)]
        if len(self) == 1:
            return
        groups = self._separated()
        if 1 < len(groups) < len(self):
            yield groups
        yield list(torch.arange(len(self), device=self._flat.device).split(1))

    @cached_property
    def _apart(self) -> PerImage:
        """Distance of each image to the nearest other one."""
        nearest = []
        for start, distances in self._distances(self._flat):
            places = torch.arange(len(distances), device=distances.device)
            distances[places, start + places] = math.inf
            nearest.append(distances.amin(1))
        return torch.cat(nearest)

    def _certain(self, flat: Tensor, rows: Tensor) -> bool:
        """Return whether each row is near its image, and its image is far from all others."""
        apart = self._apart[rows]
        own = torch.linalg.vector_norm(flat - self._flat[rows], ORDERS[self._norm], dim=1)
        return bool(((apart > 2 * self._reach) & (own < apart / 2)).all())

    def _compared(self, flat: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return each row's nearest distance and image, the images within reach, and its place's.

        The last is the distance to the image at the row's own place in the batch.
        """
        nearest, image, inside, own = [], [], [], []
        for start, distances in self._distances(flat):
            smallest = distances.min(1)
            nearest.append(smallest.values)
            image.append(smallest.indices)
            inside.append((distances <= self._reach).sum(1))
            places = (start + torch.arange(len(distances), device=flat.device)) % len(self)
            own.append(distances.gather(1, places.unsqueeze(1)).squeeze(1))
        return torch.cat(nearest), torch.cat(image), torch.cat(inside), torch.cat(own)

    def _distances(self, flat: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield distances to all images, shape (row, example), and the index of the first row."""
        size = max(1, HELD // len(self))
        exact = "donot_use_mm_for_euclid_dist"
        for start in range(0, len(flat), size):
            rows = flat[start : start + size]
            yield start, torch.cdist(rows, self._flat, ORDERS[self._norm], compute_mode=exact)

    def _separated(self) -> list[Tensor]:
        """Return groups of images that are more than twice the reach apart, first come first."""
        colours: list[int] = []
        for start, distances in self._distances(self._flat):
            near = (distances <= 2 * self._reach).cpu()
            for index, row in enumerate(near, start):
                taken = {colours[other] for other in row[:index].nonzero().flatten().tolist()}
                colours.append(next(c for c in range(len(taken) + 1) if c not in taken))
        found = torch.tensor(colours, device=self._flat.device)
        return [(found == colour).nonzero().flatten() for colour in range(max(colours) + 1)]

    def _refuse(self, known: Tensor, nearest: Tensor, inside: Tensor) -> None:
        """Raise the error for the first unknown row."""
        row = int((~known).nonzero()[0])
        if len(known) == len(self):
            why = "the batch has as many rows as there are images, in another order"
        elif int(inside[row]) > 1:
            why = f"{int(inside[row])} images are within the strength {self._strength:g} of it"
        else:
            why = (
                f"the nearest is {float(nearest[row]):.3g} away, further than the strength "
                f"{self._strength:g}, and another is hardly further"
            )
        text = (
            f"row {row} of a batch of {len(known)} cannot be attributed to one of the {len(self)} "
            f"images whose noise was drawn ({why}); ask about one image at a time, with "
            "module.for_examples(torch.tensor([i]))"
        )
        self.refused.append(text)
        raise UnknownRowError(text)
