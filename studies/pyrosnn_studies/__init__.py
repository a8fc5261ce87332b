"""Studies: the paper's experiments and ours, one file and one line in ``STUDIES`` for each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A line of the table of studies.

    Attributes:
        home: import path of the study, ``module:attribute``; loaded when it is used.
        shows: what it shows, for lists.
    """

    home: str
    shows: str


STUDIES = {
    "sample-size": Entry(
        home="pyrosnn_studies.sample_size:STUDY",
        shows="accuracy and cosine against the attack's samples (figures 4 and 5)",
    ),
}
