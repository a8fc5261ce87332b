"""A small network without noise, trained once."""

import pytest
import torch

from pyrosnn.data.dataset import Dataset


@pytest.fixture(scope="session")
def trained_network(digits: Dataset) -> torch.nn.Module:
    """A dense network for the digits, with gradients in all of its inputs."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
        )
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        x, y = digits.x_train, digits.y_train
        for _ in range(100):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
    return network.eval().requires_grad_(False)
