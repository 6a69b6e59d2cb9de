"""Trains the module that pairs with the spec of SafetensorsImportTest (and of the trainer's tests), and saves
its weights with the safetensors library itself, beside what PyTorch answers for some rows.

Run: python3 model/src/test/pytorch/readings.py model/src/test/resources/pytorch
Made with PyTorch 2.6.0 and safetensors 0.4.5 (Debian 13: python3-torch, python3-safetensors).
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from torch import nn


class Numbers(nn.Module):
    """Columns of the row's numbers."""

    def __init__(self, start, count):
        super().__init__()
        self.start, self.count = start, count

    def forward(self, row):
        return row[0][:, self.start:self.start + self.count]


class Standardise(nn.Module):
    """(x - mean) / deviation within ±sqrt(count); count, means, sums of squared differences."""

    def __init__(self, width):
        super().__init__()
        self.width = width
        self.register_buffer("statistics", torch.zeros(1 + 2 * width, dtype=torch.float64))

    def fit(self, x):
        x = x.double()
        self.statistics[0] = len(x)
        self.statistics[1:1 + self.width] = x.mean(0)
        self.statistics[1 + self.width:] = ((x - x.mean(0)) ** 2).sum(0)

    def forward(self, x):
        count = self.statistics[0]
        mean, squares = self.statistics[1:].split(self.width)
        limit = count.sqrt()
        return ((x.double() - mean) / (squares / count).sqrt()).clamp(-limit, limit).float()


class Embedding(nn.Embedding):
    """The row's id in column `column`."""

    def __init__(self, column, rows, dimension):
        super().__init__(rows, dimension)
        self.column = column

    def forward(self, row):
        return super().forward(row[1][:, self.column])


class Concat(nn.ModuleList):
    def forward(self, row):
        return torch.cat([branch(row) for branch in self], -1)


def main(to):
    torch.manual_seed(20)
    standardise = Standardise(1)
    model = nn.Sequential(
        Concat([Numbers(0, 1), nn.Sequential(Numbers(1, 1), standardise), Embedding(0, 2048, 4)]),
        nn.Linear(6, 8),
        nn.ReLU(),
        nn.Linear(8, 1),
    )
    numbers = torch.rand(20_000, 2) * 2 - 1
    ids = torch.randint(0, 2048, (20_000, 1))
    labels = (numbers[:, :1] * numbers[:, 1:] + (ids % 7) * 0.2 > 0.6).float()
    standardise.fit(numbers[:, 1:])
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for step in range(400):
        rows = torch.randint(0, len(numbers), (256,))
        loss = nn.functional.binary_cross_entropy_with_logits(
            model((numbers[rows], ids[rows])), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("loss", loss.item())
    save_file(model.state_dict(), to / "readings.safetensors", metadata={"format": "pt"})
    with torch.no_grad():
        predictions = torch.sigmoid(model((numbers[:32], ids[:32])))
    (to / "readings.json").write_text(json.dumps({
        "numbers": numbers[:32].tolist(), "ids": ids[:32].tolist(), "predictions": predictions.tolist()}) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
