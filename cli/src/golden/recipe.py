"""What a recipe is made of: `recipe.py [folder]` writes these cases alone, with numpy only (no PyTorch).

No library has `stream_rms`, `running_scale` and `mixture`, so this is the reference, written from the formulas in
docs/numerics.md, a number at a time. No member starts again here: its new weights are drawn, not computed.
"""
import pathlib
import sys

import numpy as np

from casefiles import calibrate, i32, leaves, normal, rng_for, write

SEED = 20261201
DEFAULT = pathlib.Path(__file__).resolve().parents[1] / "test" / "resources" / "golden"
NAMES = ("optimizer_stream_rms", "optimizer_stream_rms_floor", "model_running_scale", "model_mixture_classes",
         "model_mixture_yes_no", "model_mixture_number")
STREAM_RMS = {"type": "stream_rms", "lr": 0.05, "floor": 0.001, "decay": 4.0, "alpha": 0.9, "eps": 1e-3, "pull": 0.3}


def dense(name, i, o):
    return {"type": "dense", "name": name, "in": i, "out": o, "bias": True}


# ---------------------------------------------------------------- layers
def forward(chain, P, x):
    """What each layer reads, and what the last one puts out."""
    read = []
    for layer in chain:
        read.append(x)
        x = np.maximum(x, 0) if layer["type"] == "relu" else x @ P[layer["name"] + ".weight"].T + P[layer["name"] + ".bias"]
    return read, x


def backward(chain, P, read, dy, G):
    for layer, x in zip(reversed(chain), reversed(read)):
        if layer["type"] == "relu":
            dy = dy * (x > 0)
        else:
            G[layer["name"] + ".weight"], G[layer["name"] + ".bias"] = dy.T @ x, dy.sum(0)
            dy = dy @ P[layer["name"] + ".weight"]


def track(s, mean, variance, x, a):
    e = x - s[mean]
    s[mean] += a * e
    s[variance] = (1 - a) * (s[variance] + a * e * e)
    return e


def bent(x, h):
    return np.sign(x) * np.log1p(np.abs(x) / np.maximum(np.exp(h), type(h)(2.0 ** -126)))


class RunningScale:
    """n, mean, variance, deviation, k, h, bent mean, bent variance of each value."""

    def __init__(self, layer, dtype):
        self.indicators, self.name = layer["indicators"], layer["name"]
        self.s = np.zeros((len(self.indicators), 8), dtype)
        self.bends = 0

    def scale(self, x):
        y = x.copy()
        for row in range(len(x)):
            for i, indicator in enumerate(self.indicators):
                n, mean, var, dev, _, h, bent_mean, bent_var = self.s[i]
                if (indicator >= 0 and x[row, indicator] != 0) or n < 2 or var == 0:
                    y[row, i] = 0
                elif dev < 0.5 * np.sqrt(var) and bent_var > 0:
                    y[row, i] = np.clip((bent(x[row, i], h) - bent_mean) / np.sqrt(bent_var), -5, 5)
                    self.bends += 1
                else:
                    y[row, i] = np.clip((x[row, i] - mean) / np.sqrt(var), -5, 5)
        return y

    def learn(self, x):
        for i, indicator in enumerate(self.indicators):
            if indicator >= 0 and x[indicator] != 0:
                continue
            s, v = self.s[i], x[i]
            a = max(1 / (s[0] + 1), 1e-5)
            if s[0] >= 2 and s[2] > 0:
                v = np.clip(v, s[1] - 20 * np.sqrt(s[2]), s[1] + 20 * np.sqrt(s[2]))
            if s[0] == 0:
                s[1] = v
            e = track(s, 1, 2, v, a)
            s[3] += a * (abs(e) - s[3])
            q = s.dtype.type(0)
            if v != 0:
                s[4] += 1
                s[5] += max(1 / s[4], 1e-5) * (np.log(np.abs(v)) - s[5])
                q = bent(v, s[5])
            if s[0] == 0:
                s[6] = q
            track(s, 6, 7, q, a)
            s[0] += 1


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


class Classes:
    """t, u by member, w by member and of q, and six numbers of the alarm, which stay 0."""

    def __init__(self, members, outputs, dtype):
        self.m, self.outputs, self.s = members, outputs, np.zeros(2 * members + 8, dtype)
        self.u, self.w = self.s[1:1 + members], self.s[1 + members:2 + 2 * members]

    def mix(self, z):
        """z: (members, outputs) of one row; the prediction, and what the row is learned by."""
        m = self.m
        z = z if self.outputs > 1 else np.stack([0 * z[:, 0], z[:, 0]], 1)
        p = np.stack([softmax(each) for each in z])
        l = np.maximum(np.log(p), np.log(p.dtype.type(1e-6)))
        l = l - l.mean(1, keepdims=True)
        u = self.u if self.s[0] else np.full(m, 1 / m, p.dtype)
        w = self.w if self.s[0] else np.full(m + 1, 1 / (m + 1), p.dtype)
        q = softmax((u[:, None] * l).sum(0))
        x = np.log((w[:m, None] * p).sum(0) + w[m] * q)
        return (x if self.outputs > 1 else x[1:] - x[:1]), (p, l, q)

    def slopes(self, of, label, v):
        p = of[0]
        a = np.arange(p.shape[1]) == label
        return v * (p - a)[:, 0 if self.outputs > 1 else 1:]

    def learn(self, of, label, v):
        p, l, q = of
        m, s = self.m, self.s
        if s[0] == 0:
            self.u[:], self.w[:] = 1 / m, 1 / (m + 1)
        s[0] += 1
        i = min(1, v)
        rate = i * max(0.0005, 0.005 / np.sqrt(1 + (s[0] - 1) / 100))
        a = np.arange(len(q)) == label
        self.u -= rate * ((q - a) * l).sum(1)
        most = np.maximum(np.append(p[:, label], q[label]), 1e-6)
        self.w *= most ** (0.3 * i)
        self.w[:] = (1 - 0.001) * self.w / self.w.sum() + 0.001 / (m + 1)


class Number:
    """t, w by member, the label's mean and variance, the usual error."""

    def __init__(self, members, _, dtype):
        self.m, self.s = members, np.zeros(members + 4, dtype)
        self.w = self.s[1:1 + members]

    def mix(self, z):
        mean, var = self.s[self.m + 1:self.m + 3].copy()
        w = self.w if self.s[0] else np.full(self.m, 1 / self.m, z.dtype)
        return np.array([mean + np.sqrt(var) * (w * z[:, 0]).sum()]), (z[:, 0], mean, var)

    def slopes(self, of, label, v):
        z, mean, var = of
        return (v * np.clip(z - (label - mean) / np.sqrt(var), -3, 3) if var > 0 else 0 * z)[:, None]

    def learn(self, of, label, v):
        z, m, s = of[0], self.m, self.s
        if s[0] == 0:
            self.w[:] = 1 / m
        s[0] += 1
        mean, deviation, usual = s[m + 1], np.sqrt(s[m + 2]), s[m + 3]
        if deviation > 0:
            errors = np.abs(z - (label - mean) / deviation)
            if usual > 0:
                self.w *= np.exp(-min(1, v) * 0.3 * np.minimum(errors / usual, 20))
                self.w[:] = (1 - 0.001) * self.w / self.w.sum() + 0.001 / m
            s[m + 3] += max(1 / s[0], 0.001) * (errors.min() - usual)
            label = np.clip(label, mean - 20 * deviation, mean + 20 * deviation)
        track(s, m + 1, m + 2, label, max(1 / s[0], 1e-5))


# ---------------------------------------------------------------- a run
def update(o, t, w, g, s):
    if o["type"] == "sgd":
        return w - o["lr"] * g
    rate = max(o["floor"], o["lr"] / np.sqrt(1 + (t - 1) / o["decay"]))
    s["v"] = o["alpha"] * s["v"] + (1 - o["alpha"]) * g * g
    move = rate * o["pull"] * s["d"] + rate * g / (np.sqrt(s["v"] / (1 - o["alpha"] ** t)) + o["eps"])
    s["d"] = s["d"] - move
    return w - move


def loss_and_slope(kind, y, label):
    """Of one row: y (outputs)."""
    if kind == "mse":
        return (y[0] - label) ** 2, 2 * (y - label)
    if kind == "categorical_cross_entropy":
        p = softmax(y)
        return -np.log(p[label]), p - (np.arange(len(y)) == label)
    return np.maximum(y[0], 0) - y[0] * label + np.log1p(np.exp(-np.abs(y[0]))), 1 / (1 + np.exp(-y)) - label


def run(case, dtype):
    spec = case["spec"]
    o, layers = spec["optimizer"], list(spec["layers"])
    P = {k: v.astype(dtype) for k, v in case["initial_parameters"].items()}
    state = {k: {"v": np.zeros_like(v), "d": np.zeros_like(v)} for k, v in P.items()}
    scale = RunningScale(layers.pop(0), dtype) if layers[0]["type"] == "running_scale" else None
    mixture = None
    chains = [layers]
    if layers[0]["type"] == "mixture":
        chains = layers[0]["members"]
        target = layers[0]["target"]
        mixture = (Number if target == "number" else Classes)(len(chains), chains[0][-1]["out"], dtype)
    expected = {"losses": [], "parameters_after": []}
    for t, rows in enumerate(case["batches"], 1):
        read_by_all = case["inputs"]["x"][rows].astype(dtype)
        x = scale.scale(read_by_all) if scale else read_by_all
        labels = [int(v) if v.dtype.kind == "i" or (mixture and type(mixture) is Classes) else dtype(v)
                  for v in case["targets"]["y"][rows].ravel()]
        weights = case["sample_weights"][rows].astype(dtype) if "sample_weights" in case else np.ones(len(rows), dtype)
        reads, zs = zip(*(forward(chain, P, x) for chain in chains))
        mixed = [mixture.mix(np.stack([z[r] for z in zs])) if mixture else (zs[0][r], None) for r in range(len(rows))]
        each = [loss_and_slope(spec["loss"]["type"], y, label) for (y, _), label in zip(mixed, labels)]
        expected["losses"].append(sum(w * l for w, (l, _) in zip(weights, each)) / len(rows))
        if t == 1:
            expected["outputs"] = {"output": np.stack([y for y, _ in mixed])}
        G = {}
        for m, chain in enumerate(chains):
            dz = np.stack([mixture.slopes(of, label, w)[m] if mixture else w * slope
                           for (_, of), label, w, (_, slope) in zip(mixed, labels, weights, each)])
            backward(chain, P, reads[m], (dz / len(rows)).astype(dtype), G)
        for k in P:
            P[k] = update(o, t, P[k], G[k], state[k]).astype(dtype)
        for r, (_, of) in enumerate(mixed):
            if mixture:
                mixture.learn(of, labels[r], weights[r])
            if scale:
                scale.learn(read_by_all[r])
        if t in (1, 2, len(case["batches"])):
            after = {"step": t, "parameters": {k: v.copy() for k, v in P.items()}}
            if o["type"] == "stream_rms":
                after["optimizer_state"] = {n: {k: state[k][n].copy() for k in P} for n in "vd"}
            expected["parameters_after"].append(after)
    buffers = {}
    if scale:
        assert scale.bends > 20, scale.bends
        buffers[scale.name + ".statistics"] = scale.s.ravel()
    if mixture:
        buffers[layers[0]["name"] + ".weights"] = mixture.s
        weights = mixture.w
        assert weights.max() > 2 * weights.min(), weights
    if buffers:
        expected["buffers_after"] = buffers
    return expected


# ---------------------------------------------------------------- cases
def parameters(rng, chains):
    return {name: value for chain in chains for layer in chain if layer["type"] == "dense" for name, value in (
        (layer["name"] + ".weight", normal(rng, layer["out"], layer["in"], scale=0.5)),
        (layer["name"] + ".bias", normal(rng, layer["out"], scale=0.2)))}


def batches(count):
    """Of 1, 2, 3, 1, … rows."""
    out, at = [], 0
    while at < count:
        size = min(1 + len(out) % 3, count - at)
        out.append(list(range(at, at + size)))
        at += size
    return out


def finish(name, kind, description, layers, chains, loss, optimizer, x, y, weighted):
    rng = rng_for(SEED, name)
    made = {"name": name, "kind": kind, "description": description,
            "source": "numpy reference, recipe.py (float64, rounded to float32)",
            "spec": {"layers": layers, "mode": "train", "loss": {"type": loss, **(
                {"from_logits": True} if loss == "categorical_cross_entropy" else {}), "reduction": "mean"},
                     "optimizer": optimizer},
            "initial_parameters": parameters(rng, chains), "inputs": {"x": x}, "targets": {"y": y},
            "batches": batches(len(x))}
    if weighted:
        made["sample_weights"] = np.asarray([(0.5, 1, 1.75)[i % 3] for i in range(len(x))], np.float32)
    made["expected"] = run(made, np.float64)
    made["tolerance"], worst = calibrate(made["expected"], run(made, np.float32))
    made["float32_reference_error"] = float(f"{worst:.2e}")
    assert all(np.isfinite(v).all() for _, v in leaves(made["expected"]))
    return made


def optimizer(name, description, **changed):
    rng = rng_for(SEED, name + "/data")
    x = normal(rng, 40, 5)
    y = (x[:, :1] > 0.2).astype(np.float32)
    chain = [dense("fc1", 5, 6), {"type": "relu"}, dense("fc2", 6, 1)]
    return finish(name, "optimizer", description, chain, [chain], "binary_cross_entropy_with_logits",
                  {**STREAM_RMS, **changed}, x, y, False)


def running_scale(name):
    rng = rng_for(SEED, name + "/data")
    x = normal(rng, 80, 4, scale=3, centre=7)
    x[:, 1] = np.round(np.exp(2.5 * rng.standard_normal(80)), 4) * rng.choice([-1, 1], 80)
    x[:, 2] = np.where(rng.random(80) < 0.3, 0, x[:, 2])
    x[60, 0] = 5000  # is held
    x[:, 3] = rng.random(80) < 0.2
    x[x[:, 3] != 0, 1] = 0
    chain = [dense("fc", 4, 1)]
    layers = [{"type": "running_scale", "name": "scale", "indicators": [-1, 3, -1]}] + chain
    return finish(name, "model", "running scale: a number, one with heavy tails that is missing where x[3] is 1, one that is "
                  "often 0; the indicator is passed on", layers, [chain], "mse", {"type": "sgd", "lr": 0.02}, x,
                  normal(rng, 80, 1), False)


def mixture(name, target):
    rng = rng_for(SEED, name + "/data")
    count, outputs = 60, 3 if target == "classes" else 1
    x = normal(rng, count, 4)
    signal = x[:, 0] - 0.5 * x[:, 1]
    y = {"classes": i32(np.digitize(signal, [-0.5, 0.5])), "yes_no": (signal > 0).astype(np.float32)[:, None],
         "number": np.round(50 + 7 * signal + np.where(np.arange(count) == 30, 900, 0), 3).astype(np.float32)[:, None]}[target]
    members = [[dense("a1", 4, 6), {"type": "relu"}, dense("a2", 6, outputs)],
               [dense("b1", 4, 3), {"type": "relu"}, dense("b2", 3, outputs)], [dense("c", 4, outputs)]]
    loss = {"classes": "categorical_cross_entropy", "yes_no": "binary_cross_entropy_with_logits", "number": "mse"}[target]
    layers = [{"type": "mixture", "name": "mix", "target": target, "members": members}]
    return finish(name, "model", f"mixture of three members that predict {target.replace('_', ' or ')}: each learns by its own "
                  "slope, weights by how good members were; rows have weights", layers, members, loss, STREAM_RMS, x, y, True)


def cases():
    yield optimizer("optimizer_stream_rms", "stream_rms: the rate falls, weights are pulled back to where they began")
    yield optimizer("optimizer_stream_rms_floor", "stream_rms at its least rate after a few steps, without a pull",
                    floor=0.03, pull=0.0)
    yield running_scale("model_running_scale")
    for target in ("classes", "yes_no", "number"):
        yield mixture("model_mixture_" + target, target)


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    for name in NAMES:
        (folder / (name + ".json")).unlink(missing_ok=True)
    print(sum(1 for c in cases() if write(c, folder)), "cases")
