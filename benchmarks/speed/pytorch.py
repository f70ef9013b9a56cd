"""One level in PyTorch, as fast as its users write it: rows resident, batches by index."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def pytorch(rows: np.ndarray, units: int, batch_size: int, compiled: bool) -> Callable[[], Any]:
    """Trains a ReLU autoencoder of (rows, features) with Adam, a pass at a call."""
    torch.manual_seed(0)
    resident = torch.from_numpy(rows)
    features = rows.shape[1]
    model = torch.nn.Sequential(
        torch.nn.Linear(features, units), torch.nn.ReLU(), torch.nn.Linear(units, features)
    )
    optimizer = torch.optim.Adam(model.parameters())
    forward = torch.compile(model) if compiled else model

    def train() -> None:
        for batch in torch.randperm(len(resident)).split(batch_size):
            optimizer.zero_grad()
            clean = resident[batch]
            torch.nn.functional.mse_loss(forward(clean), clean).backward()
            optimizer.step()

    return train
