"""One level in PyTorch, as its documentation advises for speed.

Rows are resident and batches taken by index; one kernel makes Adam's whole update.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch._dynamo
import torch._inductor.compile_fx  # what compiles: imports are not part of compiling

from benchmarks.running import Training

torch._dynamo.config.recompile_limit = 64  # many levels are compiled in one process


def pytorch(
    rows: np.ndarray,
    units: int,
    batch_size: int,
    compiled: bool,
    *,
    gpu: bool = False,
    bfloat16: bool = False,
) -> Training:
    """Trains a ReLU autoencoder of (rows, features) with Adam."""
    torch.manual_seed(0)
    device = "cuda" if gpu else "cpu"
    resident = torch.from_numpy(rows).to(device)
    features = rows.shape[1]
    model = torch.nn.Sequential(
        torch.nn.Linear(features, units), torch.nn.ReLU(), torch.nn.Linear(units, features)
    ).to(device)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    forward = torch.compile(model, dynamic=False) if compiled else model

    def train() -> None:
        for batch in torch.randperm(len(resident), device=device).split(batch_size):
            optimizer.zero_grad()
            clean = resident[batch]
            with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
                loss = torch.nn.functional.mse_loss(forward(clean), clean)
            loss.backward()
            optimizer.step()
        if gpu:
            torch.cuda.synchronize()

    def weights() -> list[np.ndarray]:
        return [parameter.detach().cpu().numpy().T for parameter in model.parameters()]

    def begin(weights: list[np.ndarray]) -> None:
        for parameter, values in zip(model.parameters(), weights, strict=True):
            parameter.data.copy_(torch.from_numpy(values.T))

    return Training(train, weights, begin)


def pytorch_inference(
    widths: tuple[int, ...], limits: tuple[int, ...]
) -> dict[str, Callable[[np.ndarray], Any]]:
    """Encoding and scoring raw rows of bytes' values by a stack of these widths.

    `limits` are the units active at each level: the code on top is limited, and so is what a
    decoder gives to the one below.
    """
    encoder = torch.nn.Sequential(*_layers(widths), _TopK(limits[-1]))
    decoder = torch.nn.Sequential()
    for above, below, limit in zip(
        widths[:0:-1], widths[-2::-1], (*limits[-2::-1], 0), strict=True
    ):
        decoder.append(torch.nn.Linear(above, below))
        if limit:
            decoder.append(_TopK(limit))

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


class _TopK(torch.nn.Module):
    def __init__(self, k: int):
        super().__init__()
        self.k = k

    def forward(self, activations: torch.Tensor) -> torch.Tensor:
        """Zero all but the k largest of each row."""
        largest = torch.topk(activations, self.k, sorted=False)
        return torch.zeros_like(activations).scatter_(1, largest.indices, largest.values)
