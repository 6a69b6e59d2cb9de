"""Touched embeddings: `touched.py [folder]` writes their cases alone, with numpy only (no PyTorch).

PyTorch has no lazy form of most of these optimizers, so this is the reference: one function a step, written plainly. A
step looks at the distinct rows that its batch reads. Each is updated once, with the sum of its gradients; its moments, its
momentum and its decay move in such steps only, while t, the step number in Adam's corrections, counts all steps.
"""
import pathlib
import sys

import numpy as np

from casefiles import calibrate, f32, i32, leaves, normal, rng_for, write

SEED = 20261124
STEPS, BATCH, FIELDS, ROWS, USED, DIM = 8, 4, 3, 14, 7, 3
DEFAULT = pathlib.Path(__file__).resolve().parents[1] / "test" / "resources" / "golden"

OPTIMIZERS = {
    "adam": {"type": "adam", "lr": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3},
    "amsgrad": {"type": "adam", "lr": 0.05, "beta1": 0.5, "beta2": 0.7, "eps": 1e-3, "amsgrad": True},
    "adamw": {"type": "adamw", "lr": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3, "weight_decay": 0.5},
    "momentum": {"type": "sgd", "lr": 0.2, "momentum": 0.8},
    "nesterov": {"type": "sgd", "lr": 0.2, "momentum": 0.8, "nesterov": True},
    "rmsprop": {"type": "rmsprop", "lr": 0.02, "alpha": 0.8, "eps": 1e-2},
    "rmsprop_centered": {"type": "rmsprop", "lr": 0.02, "alpha": 0.8, "eps": 1e-2, "centered": True, "momentum": 0.5},
    "ftrl": {"type": "ftrl_proximal", "alpha": 0.3, "beta": 1.0, "l1": 0.05, "l2": 0.2},
}


def start(o, w):
    """The state before the first step."""
    zero = np.zeros_like(w)
    if o["type"] != "ftrl_proximal":
        return {k: zero.copy() for k in "mvxsab"}
    # The z whose weight w is, at n = 0.
    return {"z": -(w * (o["beta"] / o["alpha"] + o["l2"]) + np.sign(w) * o["l1"]), "n": zero.copy()}


def step(o, t, w, g, s):
    """The new weights and state of some weights in step t, 1 for the first; arrays of one shape."""
    s = {k: v.copy() for k, v in s.items()}
    if o["type"] == "sgd":
        s["b"] = o["momentum"] * s["b"] + g
        return w - o["lr"] * (g + o["momentum"] * s["b"] if o.get("nesterov") else s["b"]), s
    if o["type"] == "rmsprop":
        s["s"] = o["alpha"] * s["s"] + (1 - o["alpha"]) * g * g
        s["a"] = o["alpha"] * s["a"] + (1 - o["alpha"]) * g
        v = s["s"] - s["a"] ** 2 if o.get("centered") else s["s"]
        s["b"] = o.get("momentum", 0) * s["b"] + g / (np.sqrt(v) + o["eps"])
        return w - o["lr"] * s["b"], s
    if o["type"] == "ftrl_proximal":
        sigma = (np.sqrt(s["n"] + g * g) - np.sqrt(s["n"])) / o["alpha"]
        s["z"] = s["z"] + g - sigma * w
        s["n"] = s["n"] + g * g
        shrunk = np.sign(s["z"]) * np.maximum(np.abs(s["z"]) - w.dtype.type(o["l1"]), 0)
        return -shrunk / ((o["beta"] + np.sqrt(s["n"])) / o["alpha"] + o["l2"]), s
    w = w * (1 - o["lr"] * o.get("weight_decay", 0))
    s["m"] = o["beta1"] * s["m"] + (1 - o["beta1"]) * g
    s["v"] = o["beta2"] * s["v"] + (1 - o["beta2"]) * g * g
    s["x"] = np.maximum(s["x"], s["v"])
    v = s["x"] if o.get("amsgrad") else s["v"]
    return w - o["lr"] * (s["m"] / (1 - o["beta1"] ** t)) / (np.sqrt(v / (1 - o["beta2"] ** t)) + o["eps"]), s


def run(case, dtype):
    o = case["spec"]["optimizer"]
    w = {k: v.astype(dtype) for k, v in case["initial_parameters"].items()}
    state = {k: start(o, v) for k, v in w.items()}
    expected = {"losses": [], "gradient_norms": [], "parameters_after": []}
    for t, rows in enumerate(case["batches"], 1):
        ids, y = case["inputs"]["x"][rows], case["targets"]["y"][rows].astype(dtype)
        flat = w["emb.weight"][ids].reshape(len(rows), -1)
        logits = flat @ w["fc.weight"].T + w["fc.bias"]
        expected["losses"].append(np.mean(np.maximum(logits, 0) - logits * y + np.log1p(np.exp(-np.abs(logits)))))
        d = (1 / (1 + np.exp(-logits)) - y) / dtype(len(rows))
        g = {"emb.weight": np.zeros_like(w["emb.weight"]), "fc.weight": d.T @ flat, "fc.bias": d.sum(0)}
        np.add.at(g["emb.weight"], ids, (d @ w["fc.weight"]).reshape(*ids.shape, -1))
        expected["gradient_norms"].append(np.sqrt(sum((v * v).sum() for v in g.values())))
        if t == 1:
            expected["outputs"] = {"output": logits}
            expected["parameter_gradients"] = {k: v.copy() for k, v in g.items()}
        for k in w:
            touched = np.unique(ids) if k == "emb.weight" else slice(None)
            part = {name: v[touched] for name, v in state[k].items()}
            w[k][touched], part = step(o, t, w[k][touched], g[k][touched], part)
            for name, v in part.items():
                state[k][name][touched] = v
        if t in (1, 2, STEPS):
            after = {"step": t, "parameters": {k: v.copy() for k, v in w.items()}}
            if o["type"] == "ftrl_proximal":
                after["optimizer_state"] = {n: {k: state[k][n].copy() for k in w} for n in "zn"}
            expected["parameters_after"].append(after)
    return expected


def case(name, optimizer):
    rng = rng_for(SEED, name)
    count = STEPS * BATCH
    ids = i32(np.minimum((USED * rng.random((count, FIELDS)) ** 2).astype(int), USED - 1))
    batches = [list(range(s * BATCH, (s + 1) * BATCH)) for s in range(STEPS)]
    read = [set(ids[rows].ravel().tolist()) for rows in batches]
    # Rows that repeat within a batch, and rows that come back after steps without them.
    assert all(len(r) < BATCH * FIELDS for r in read)
    assert any(i in read[s] and i not in read[s + 1] and any(i in r for r in read[s + 2:])
               for i in range(USED) for s in range(STEPS - 2))
    made = {
        "name": name, "kind": "optimizer",
        "description": f"{optimizer['type']} on a touched embedding: a row's state and weights move only in steps that "
                       f"read it, t counts all steps; rows from {USED} on are never read and must stay bit-identical",
        "source": "numpy reference, touched.py (float64, rounded to float32)",
        "spec": {
            "layers": [{"type": "embedding", "name": "emb", "num": ROWS, "dim": DIM}, {"type": "flatten"},
                       {"type": "dense", "name": "fc", "in": FIELDS * DIM, "out": 1, "bias": True}],
            "mode": "train",
            "loss": {"type": "binary_cross_entropy_with_logits", "reduction": "mean"},
            "optimizer": {**optimizer, "sparse_embedding": True}},
        "initial_parameters": {"emb.weight": normal(rng, ROWS, DIM, scale=0.6),
                               "fc.weight": normal(rng, 1, FIELDS * DIM, scale=0.4), "fc.bias": normal(rng, 1, scale=0.2)},
        "inputs": {"x": ids}, "targets": {"y": f32(rng.integers(0, 2, (count, 1)))}, "batches": batches}
    made["expected"] = run(made, np.float64)
    made["tolerance"], worst = calibrate(made["expected"], run(made, np.float32))
    made["float32_reference_error"] = float(f"{worst:.2e}")
    assert all(np.isfinite(v).all() for _, v in leaves(made["expected"]))
    return made


def cases():
    for name, optimizer in OPTIMIZERS.items():
        yield case("optimizer_touched_" + name, optimizer)


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    for old in target.glob("optimizer_touched_*.json"):
        old.unlink()
    print(sum(1 for c in cases() if write(c, target)), "cases")
