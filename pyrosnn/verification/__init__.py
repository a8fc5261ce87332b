"""Certificates of networks with random weights or masks, one stored sample at a time."""

from pyrosnn.verification.differences import differences
from pyrosnn.verification.programs import reader
from pyrosnn.verification.verify import verify

__all__ = ["differences", "reader", "verify"]
