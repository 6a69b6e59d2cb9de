"""Saves modules with PyTorch's own layers, at random, with the safetensors library, beside what they answer.
TorchLayoutTest builds the same networks and loads them.

Run: python3 model/src/test/pytorch/layers.py model/src/test/resources/pytorch/layers
Made with PyTorch 2.6.0 and safetensors 0.4.5 (Debian 13: python3-torch, python3-safetensors).
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from torch import nn

ROWS = 5


class Rnn(nn.RNN):
    def forward(self, x):
        return super().forward(x)[0]


class Gru(nn.GRU):
    def forward(self, x):
        return super().forward(x)[0]


class Lstm(nn.LSTM):
    def forward(self, x):
        return super().forward(x)[0]


class Attention(nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


class Residual(nn.ModuleList):
    def forward(self, x):
        return x + self[0](x)


CASES = {
    "conv2d": (84, nn.Sequential(
        nn.Identity(), nn.Unflatten(1, (2, 7, 6)), nn.Conv2d(2, 3, (3, 2), (2, 1), (1, 0)), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 4))),
    "conv1d": (27, nn.Sequential(
        nn.Identity(), nn.Unflatten(1, (3, 9)), nn.Conv1d(3, 4, 3, 2, 1), nn.Tanh(), nn.Flatten(), nn.Linear(20, 2))),
    "rnn": (15, nn.Sequential(
        nn.Identity(), nn.Unflatten(1, (5, 3)), Rnn(3, 4, batch_first=True), nn.Flatten(), nn.Linear(20, 2))),
    "gru": (15, nn.Sequential(
        nn.Identity(), nn.Unflatten(1, (5, 3)), Gru(3, 4, batch_first=True, bidirectional=True), nn.Flatten(),
        nn.Linear(40, 2))),
    "lstm": (15, nn.Sequential(
        nn.Identity(), nn.Unflatten(1, (5, 3)), Lstm(3, 4, batch_first=True, bidirectional=True), nn.Flatten(),
        nn.Linear(40, 2))),
    "norms": (12, nn.Sequential(
        nn.Identity(), nn.Linear(12, 10), nn.BatchNorm1d(10), nn.Unflatten(1, (2, 5)), nn.LayerNorm(5),
        nn.RMSNorm(5, 1e-5), nn.Flatten(), nn.Linear(10, 3))),
    "attention": (24, nn.Sequential(
        nn.Identity(), nn.Unflatten(1, (4, 6)),
        Residual([nn.Sequential(nn.LayerNorm(6), Attention(6, 2, batch_first=True))]), nn.Flatten(),
        nn.Linear(24, 2))),
}


def main(to):
    to.mkdir(exist_ok=True)
    for seed, (name, (width, model)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        for parameter in model.parameters():
            nn.init.normal_(parameter, 0, 0.5)
        for buffer in model.buffers():
            if buffer.is_floating_point():
                nn.init.uniform_(buffer, 0.5, 1.5)
        model.eval()
        numbers = torch.randn(ROWS, width)
        with torch.no_grad():
            outputs = model(numbers)
        save_file(model.state_dict(), to / f"{name}.safetensors", metadata={"format": "pt"})
        (to / f"{name}.json").write_text(
            json.dumps({"numbers": numbers.tolist(), "outputs": outputs.tolist()}) + "\n")


main(pathlib.Path(sys.argv[1]))
