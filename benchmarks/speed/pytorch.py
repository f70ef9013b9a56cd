"""One level in PyTorch, as fast as its users write it: rows resident, batches by index."""

from collections.abc import Callable
from itertools import pairwise
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


def pytorch_inference(widths: tuple[int, ...]) -> dict[str, Callable[[np.ndarray], Any]]:
    """Encoding and scoring raw rows of bytes' values by a stack of these widths."""
    encoder = torch.nn.Sequential(*_layers(widths))
    decoder = torch.nn.Sequential(*_layers(widths[::-1])[:-1])

    def encode(rows: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return encoder(torch.from_numpy(rows) / 255).numpy()

    def score(rows: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            scaled = torch.from_numpy(rows) / 255
            return (decoder(encoder(scaled)) - scaled).square().mean(dim=1).numpy()

    return {"encode": encode, "score": score}


def _layers(widths: tuple[int, ...]) -> list[torch.nn.Module]:
    """Dense layers with ReLU between these widths."""
    layers: list[torch.nn.Module] = []
    for below, above in pairwise(widths):
        layers += [torch.nn.Linear(below, above), torch.nn.ReLU()]
    return layers
