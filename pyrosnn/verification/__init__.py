"""Certificates of networks with random weights or masks, one stored sample at a time."""

from pyrosnn.verification.pages import bounded_pages
from pyrosnn.verification.programs import reader
from pyrosnn.verification.verify import verify

__all__ = ["bounded_pages", "reader", "verify"]
