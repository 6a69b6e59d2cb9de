"""Trains a network on the first rows of a file by PyTorch, as a nightly batch job would, and writes what a model needs to
go on from there: weights and the optimizer's state (warm.safetensors), what numbers are scaled by (warm.json), a
spec (warm.yaml), and the rows that follow (next.csv). Prints the log loss of the trained network on those rows.

Run: python3 train.py FILE.csv.gz TRAINED NEXT; every column but the last is a number, the last one is the class.
"""
import csv
import gzip
import hashlib
import json
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

HIDDEN, BATCH, EPOCHS, RATE = 64, 32, 10, 0.001


class Numbers(nn.Module):
    """The first layer of the spec: the row's numbers, scaled by statistics that are in warm.json."""

    def forward(self, row):
        return row


def warm_start(model, optimizer):
    """The weights, and beside them the optimizer's state: what `initial-weights` reads."""
    tensors = dict(model.state_dict())
    names = [name for name, _ in model.named_parameters()]
    for index, state in optimizer.state_dict()["state"].items():
        tensors["step"] = state["step"].reshape(1)
        tensors[f"{names[index]}.exp_avg"] = state["exp_avg"]
        tensors[f"{names[index]}.exp_avg_sq"] = state["exp_avg_sq"]
    return tensors


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def main(file, trained, following):
    with gzip.open(file, "rt") as lines:
        header, *rows = csv.reader(lines)
    rows = rows[:trained + following]
    fields, label = header[:-1], header[-1]
    x = np.array([row[:-1] for row in rows], np.float64)
    classes = sorted({row[-1] for row in rows})
    y = torch.tensor([classes.index(row[-1]) for row in rows])

    mean, deviation = x[:trained].mean(0), x[:trained].std(0)
    scaled = np.divide(x - mean, deviation, out=np.zeros_like(x), where=deviation > 0)
    scaled = torch.tensor(scaled, dtype=torch.float32)

    torch.manual_seed(1)
    model = nn.Sequential(Numbers(), nn.Linear(len(fields), HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, len(classes)))
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    for epoch in range(EPOCHS):
        for chosen in torch.randperm(trained).split(BATCH):
            loss = nn.functional.cross_entropy(model(scaled[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model(scaled[trained:]), y[trained:])
    print(f"{len(rows) - trained} rows after {trained}: log loss {loss.item():.4f} of the network as it was trained")

    save_file(warm_start(model, optimizer), "warm.safetensors")
    save_file(model.state_dict(), "weights-alone.safetensors")
    pathlib.Path("warm.json").write_text(json.dumps({"count": trained, "fields": {
        field: {"mean": m, "deviation": d} for field, m, d in zip(fields, mean, deviation)}}))
    with open("next.csv", "w", newline="") as to:
        csv.writer(to).writerows([header] + [row for row in rows[trained:]])
    for weights in ("warm", "weights-alone"):
        pathlib.Path(f"{weights}.yaml").write_text(f"""\
model: warm
input: {{ topic: rows }}
label: {{ field: {label}, classes: {json.dumps(classes)} }}
features:
""" + "".join(f"  - number: {{ field: {field}, scale: standard }}\n" for field in fields) + f"""\
network: [ dense: {HIDDEN}, relu, dense: {len(classes)} ]
loss: categorical-cross-entropy
optimizer: {{ adam: {{ rate: {RATE} }} }}
mini-batch: {{ size: {BATCH} }}
publish: {{ every: PT1S }}
initial-weights:
  file: {weights}.safetensors
  sha256: {digest(weights + ".safetensors")}
  statistics: {{ file: warm.json, sha256: {digest("warm.json")} }}
""")


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
