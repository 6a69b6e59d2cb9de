"""Trains one module by each of PyTorch's optimizers, saves weights and the optimizer's state with the safetensors
library itself, goes on for some rows, and saves what the weights are then: WarmStartTest goes on from the file.

Run: python3 model/src/test/pytorch/warm.py model/src/test/resources/pytorch/warm
Made with PyTorch 2.6.0 and safetensors 0.4.5 (Debian 13: python3-torch, python3-safetensors).
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from torch import nn

from readings import Concat, Embedding, Numbers

OPTIMIZERS = {
    "adam": lambda p: torch.optim.Adam(p, 0.003),
    "amsgrad": lambda p: torch.optim.Adam(p, 0.003, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, 0.003, weight_decay=0.01),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.05, eps=1e-10),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.001, alpha=0.99, eps=1e-8, centered=True, momentum=0.9),
    "momentum": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9),
}


def warm_start(model, optimizer):
    """The weights, and beside them the optimizer's state: what `initial-weights` reads."""
    tensors = dict(model.state_dict())
    names = [name for name, _ in model.named_parameters()]
    for index, state in optimizer.state_dict()["state"].items():
        for part, value in state.items():
            if part != "step":
                tensors[f"{names[index]}.{part}"] = value
    return tensors


def learn(model, optimizer, rows):
    numbers, ids, labels = rows
    loss = nn.functional.binary_cross_entropy_with_logits(model((numbers, ids)), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def main(to):
    to.mkdir(exist_ok=True)
    for name, optimizer in OPTIMIZERS.items():
        torch.manual_seed(7)
        model = nn.Sequential(Concat([Numbers(0, 2), Embedding(0, 16, 4)]), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
        optimizer = optimizer(model.parameters())
        numbers = torch.rand(5_000, 2) * 2 - 1
        ids = torch.randint(0, 16, (5_000, 1))
        labels = (numbers[:, :1] * numbers[:, 1:] + (ids % 7) * 0.2 > 0.6).float()
        rows = (numbers, ids, labels)
        for step in range(300):
            chosen = torch.randint(0, len(numbers), (64,))
            learn(model, optimizer, [part[chosen] for part in rows])
        tensors = warm_start(model, optimizer)
        tensors["step"] = torch.tensor([300.0])
        save_file(tensors, to / f"{name}.safetensors", metadata={"format": "pt"})
        for row in range(50):
            learn(model, optimizer, [part[row:row + 1] for part in rows])
        (to / f"{name}.json").write_text(json.dumps({
            "numbers": numbers[:50].tolist(), "ids": ids[:50, 0].tolist(), "labels": labels[:50, 0].tolist(),
            "weights": {key: value.flatten().tolist() for key, value in model.state_dict().items()}}) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
