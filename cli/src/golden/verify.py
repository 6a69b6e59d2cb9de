"""Independent check of the golden cases: numpy only, float64, no PyTorch and no sklearn.

`verify.py [--full] [folder or file ...]` (default: the committed cases). For each case it recomputes

 * layer, loss: the forward pass, written here anew, and all recorded gradients by central
   finite differences (every coordinate of a small tensor, 40 sampled ones of a larger one);
 * optimizer, model: outputs and loss of the first step, and its recorded gradients by finite
   differences; for plain stacks of dense layers and activations also the whole run, by
   hand-written backpropagation and hand-written optimizers;
 * with --full: every coordinate of every recorded gradient, and every other model's whole run, its gradients by finite differences of all
   parameters (minutes; compared at 1e-3, for Adam magnifies small errors of tiny gradients);
 * FTRL: each weight as the minimum of the FTRL-Proximal objective over the whole history,
   found by bisection (not by the closed form that produced the case);
 * metric, drift, schedule, init: by brute force or formula.

Exit status 1 if anything disagrees.
"""
import json
import math
import pathlib
import sys
import time

import numpy as np

DEFAULT = pathlib.Path(__file__).resolve().parents[1] / "test" / "resources" / "golden"
FULL = "--full" in sys.argv
erf = np.vectorize(math.erf, otypes=[float])


# ---------------------------------------------------------------- reading
def array(t):
    if "divide_by" in t:
        return (np.array(t["data"], np.float32) / np.float32(t["divide_by"])).astype(float).reshape(t["shape"])
    kind = np.int64 if t["dtype"] == "i32" else np.float32
    a = np.array(t["data"], kind).reshape(t["shape"])
    return a if kind is np.int64 else a.astype(float)


def arrays(d):
    return {k: array(v) for k, v in (d or {}).items()}


# ---------------------------------------------------------------- layers
def sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


C = math.sqrt(2 / math.pi)
ACT = {
    "relu": lambda l, x: np.maximum(x, 0),
    "leaky_relu": lambda l, x: np.where(x > 0, x, l.get("negative_slope", 0) * x),
    "elu": lambda l, x: np.where(x > 0, x, l.get("alpha", 1) * np.expm1(np.minimum(x, 0))),
    "gelu": lambda l, x: x / 2 * (1 + (erf(x / math.sqrt(2)) if l["form"] == "erf" else np.tanh(C * (x + 0.044715 * x ** 3)))),
    "sigmoid": lambda l, x: sigmoid(x),
    "tanh": lambda l, x: np.tanh(x),
    "softplus": lambda l, x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "silu": lambda l, x: x * sigmoid(x),
    "softmax": lambda l, x: np.exp(log_softmax(x)),
}


def two(v):
    return (v, v) if isinstance(v, int) else tuple(v)


def windows(x, kernel, stride, padding, fill):
    """[N, C, OH, OW, KH, KW] of the padded input."""
    (kh, kw), (sh, sw), (ph, pw) = two(kernel), two(stride), two(padding)
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=fill)
    v = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))
    return v[:, :, ::sh, ::sw]


def scan(layer, P, x, h, c, lengths, suffix, backwards):
    """One direction of a recurrent layer, example by example."""
    n, kind, H = layer["name"], layer["type"], layer["hidden"]
    Wi, Wh = P[f"{n}.weight_ih{suffix}"], P[f"{n}.weight_hh{suffix}"]
    bi, bh = P[f"{n}.bias_ih{suffix}"], P[f"{n}.bias_hh{suffix}"]
    out = np.zeros((x.shape[0], x.shape[1], H))
    h, c = h.copy(), c.copy()
    for r in range(x.shape[0]):
        steps = range(int(lengths[r]))
        for t in (reversed(steps) if backwards else steps):
            a, u = Wi @ x[r, t] + bi, Wh @ h[r] + bh
            if kind == "rnn":
                h[r] = np.tanh(a + u)
            elif kind == "gru":
                reset, update = sigmoid(a[:H] + u[:H]), sigmoid(a[H:2 * H] + u[H:2 * H])
                new = np.tanh(a[2 * H:] + reset * u[2 * H:])
                h[r] = (1 - update) * new + update * h[r]
            else:
                i, f, g, o = np.split(a + u, 4)
                c[r] = sigmoid(f) * c[r] + sigmoid(i) * np.tanh(g)
                h[r] = sigmoid(o) * np.tanh(c[r])
            out[r, t] = h[r]
    return out, h, c


def recurrent(layer, P, env, x):
    dirs = 2 if layer.get("bidirectional") else 1
    lengths = env.get(layer.get("lengths"), np.full(len(x), x.shape[1]))
    zero = np.zeros((dirs, len(x), layer["hidden"]))
    h0 = env.get(layer.get("initial_h"), zero).reshape(zero.shape)
    c0 = env.get(layer.get("initial_c"), zero).reshape(zero.shape)
    runs = [scan(layer, P, x, h0[d], c0[d], lengths, ["", "_reverse"][d], d == 1) for d in range(dirs)]
    join = lambda k: np.stack([r[k] for r in runs]) if dirs == 2 else runs[0][k]
    res = {"output": np.concatenate([r[0] for r in runs], -1), "h_n": join(1)}
    if layer["type"] == "lstm":
        res["c_n"] = join(2)
    return res


def attention(layer, P, x):
    n, E, heads = layer["name"], layer["embed"], layer["heads"]
    d, T = E // heads, x.shape[1]
    qkv = x @ P[n + ".in_proj_weight"].T + P[n + ".in_proj_bias"]
    out = np.zeros_like(x)
    for h in range(heads):
        q, k, v = (qkv[..., j * E + h * d: j * E + (h + 1) * d] for j in range(3))
        s = np.einsum("nid,njd->nij", q, k) / math.sqrt(d)
        if layer.get("causal"):
            s = np.where(np.arange(T)[None, :] > np.arange(T)[:, None], -np.inf, s)
        out[..., h * d:(h + 1) * d] = np.exp(log_softmax(s)) @ v
    return out @ P[n + ".out_proj_weight"].T + P[n + ".out_proj_bias"]


def apply(layer, P, B, env, x, train):
    t, n = layer["type"], layer.get("name")
    if t in ACT:
        return ACT[t](layer, x)
    if t == "dense":
        return x @ P[n + ".weight"].T + P.get(n + ".bias", 0)
    if t == "conv2d":
        y = np.einsum("nchwij,ocij->nohw", windows(x, layer["kernel"], layer["stride"], layer["padding"], 0), P[n + ".weight"])
        return y + P[n + ".bias"][:, None, None] if n + ".bias" in P else y
    if t == "conv1d":
        w = windows(x[:, :, None], (1, layer["kernel"]), (1, layer["stride"]), (0, layer["padding"]), 0)[:, :, 0, :, 0]
        y = np.einsum("nclk,ock->nol", w, P[n + ".weight"])
        return y + P[n + ".bias"][:, None] if n + ".bias" in P else y
    if t == "maxpool2d":
        return windows(x, layer["kernel"], layer["stride"], layer["padding"], -np.inf).max((4, 5))
    if t == "avgpool2d":
        return windows(x, layer["kernel"], layer["stride"], layer["padding"], 0).mean((4, 5))
    if t == "global_avgpool2d":
        return x.mean((2, 3))
    if t == "flatten":
        return x.reshape(len(x), -1)
    if t == "transpose":
        return np.swapaxes(x, 1, 2)
    if t == "embedding":
        return P[n + ".weight"][x]
    if t == "embedding_bag":
        ends = list(env[layer["offsets"]]) + [len(x)]
        w = env[layer["weights"]] if layer.get("weights") else np.ones(len(x))
        rows = []
        for a, z in zip(ends, ends[1:]):
            total = (P[n + ".weight"][x[a:z]] * w[a:z, None]).sum(0)
            rows.append(total / max(1, z - a) if layer["mode"] == "mean" else total)
        return np.array(rows)
    if t == "layer_norm":
        m, v = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - m) / np.sqrt(v + layer["eps"]) * P[n + ".weight"] + P[n + ".bias"]
    if t == "rms_norm":
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + layer["eps"]) * P[n + ".weight"]
    if t == "batch_norm":
        axes = (0,) if x.ndim == 2 else (0, 2, 3)
        shape = (1, -1) + (1,) * (x.ndim - 2)
        m, v = B[n + ".running_mean"], B[n + ".running_var"]
        if train:
            count, a = x.size / x.shape[1], layer["momentum"]
            m0, v0, (m, v) = m, v, (x.mean(axes), x.var(axes))
            B["new:" + n + ".running_mean"] = (1 - a) * m0 + a * m
            B["new:" + n + ".running_var"] = (1 - a) * v0 + a * v * count / (count - 1)
        y = (x - m.reshape(shape)) / np.sqrt(v.reshape(shape) + layer["eps"])
        return y * P[n + ".weight"].reshape(shape) + P[n + ".bias"].reshape(shape)
    if t == "dropout":
        return x * env[layer["mask"]] / (1 - layer["p"]) if train else x
    if t == "self_attention":
        return attention(layer, P, x)
    if t == "residual":
        y = x
        for inner in layer["layers"]:
            y = apply(inner, P, B, env, y, train)
        return x + y
    raise ValueError(t)


def forward(layers, P, B, X, train):
    env, x, res = dict(X), X.get("x"), None
    for layer in layers:
        if "inputs" in layer:
            x = np.concatenate([env[i] for i in layer["inputs"]], -1) if layer["type"] == "concat" else env[layer["inputs"][0]]
        if layer["type"] in ("rnn", "gru", "lstm"):
            res = recurrent(layer, P, env, x)
            env.update({layer["name"] + "." + k: v for k, v in res.items() if k != "output"})
            x = res["output"]
            if layer.get("return") == "last":
                h = res["h_n"]
                x = h if h.ndim == 2 else np.concatenate(list(h), -1)
                res = {"output": x}
        else:
            x = x if layer["type"] == "concat" else apply(layer, P, B, env, x, train)
            res = {"output": x}
        if "name" in layer:
            env[layer["name"]] = x
    return res


# ---------------------------------------------------------------- losses
def ctc(lp, y, blank):
    """-ln of the summed probability of all alignments (forward algorithm)."""
    ext = [blank]
    for k in y:
        ext += [k, blank]
    a = np.full(len(ext), -np.inf)
    a[:2] = lp[0, ext[:2]]
    for t in range(1, len(lp)):
        b = a.copy()
        for s in range(len(ext)):
            if s > 0:
                b[s] = np.logaddexp(b[s], a[s - 1])
            if s > 1 and ext[s] != blank and ext[s] != ext[s - 2]:
                b[s] = np.logaddexp(b[s], a[s - 2])
        a = b + lp[t, ext]
    return -np.logaddexp(a[-1], a[-2])


def per_sample(spec, p, T):
    t, y = spec["type"], T.get("y")
    flat = lambda v: v.reshape(len(v), -1)
    if t == "mse":
        return flat((p - y) ** 2)
    if t == "mae":
        return flat(np.abs(p - y))
    if t == "huber":
        d, k = np.abs(p - y), spec["delta"]
        return flat(np.where(d <= k, d * d / 2, k * (d - k / 2)))
    if t == "binary_cross_entropy_with_logits":
        sp = lambda v: np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v)))
        return flat(np.array(spec.get("pos_weight", 1.0)) * y * sp(-p) + (1 - y) * sp(p))
    if t == "hinge":
        return flat(np.maximum(0, 1 - p * y))
    if t == "poisson_nll":
        return flat(np.exp(p) - y * p if spec["log_input"] else p - y * np.log(p + spec["eps"]))
    if t == "quantile":
        q, d = np.array(spec["quantiles"]), y[:, None] - p
        return np.where(d >= 0, q * d, (q - 1) * d)
    if t == "ctc":
        lp = log_softmax(p)
        return np.array([[ctc(lp[i, :T["input_lengths"][i]], y[i, :T["label_lengths"][i]], spec["blank"])] for i in range(len(p))])
    k = p.shape[-1]
    lp = log_softmax(p) if spec["from_logits"] else np.log(p)
    if y.dtype.kind == "i":
        onehot = np.eye(k)[np.maximum(y, 0)] * (y >= 0)[..., None]
    else:
        onehot = y
    e = spec.get("label_smoothing", 0.0)
    return flat(-((onehot * (1 - e) + e / k) * lp).sum(-1))


def loss(spec, p, T, w=None):
    el = per_sample(spec, p, T)
    per = el.mean(1)
    if spec.get("ignore_index") is not None:
        return el.sum() / (T["y"] != spec["ignore_index"]).sum(), el.sum(1)
    w = np.ones(len(per)) if w is None else w
    if spec.get("class_weights"):
        w = w * np.array(spec["class_weights"])[T["y"]]
    red = spec["reduction"]
    if red == "mean":
        return (w * per).mean(), per
    if red == "weighted_mean":
        return (w * per).sum() / w.sum(), per
    if red == "sum":
        return (w[:, None] * el).sum(), per
    return (per / np.maximum(1, T["label_lengths"])).mean(), per


# ---------------------------------------------------------------- comparing
class Report:
    def __init__(self, case):
        self.name, self.tol, self.bad, self.checks, self.worst = case["name"], case["tolerance"], [], 0, 0.0

    def close(self, what, got, want, rtol=None, atol=None):
        got, want = np.asarray(got, float), np.asarray(want, float)
        rtol, atol = self.tol["rtol"] if rtol is None else rtol, self.tol["atol"] if atol is None else atol
        self.checks += 1
        if got.shape != want.shape:
            self.bad.append(f"{what}: shape {got.shape}, recorded {want.shape}")
            return
        err = np.abs(got - want)
        if err.size:
            self.worst = max(self.worst, float((err / np.maximum(1.0, np.abs(want))).max()))
        if not (err <= atol + rtol * np.abs(want)).all():
            self.bad.append(f"{what}: off by {err.max():.3g}")

    def differences(self, what, f, x, recorded, scale):
        """Compares a recorded gradient with central differences of f with respect to x (in place)."""
        if recorded.shape != x.shape:
            self.bad.append(f"{what}: shape {recorded.shape}, tensor {x.shape}")
            return
        rng = np.random.default_rng(1)
        flat, rec = x.reshape(-1), recorded.reshape(-1)
        assert np.shares_memory(flat, x)
        picks = range(flat.size) if flat.size <= 40 or FULL else rng.choice(flat.size, 40, replace=False)
        for i in picks:
            old = flat[i]
            h = 1e-6 * max(1.0, abs(old))
            flat[i] = old + h
            up = f()
            flat[i] = old - h
            down = f()
            flat[i] = old
            slope = (up - down) / (2 * h)
            self.checks += 1
            if abs(slope - rec[i]) <= 1e-5 * abs(rec[i]) + 2e-6 + 1e-9 * scale:
                continue
            here = f()  # at a kink the recorded value must be one of the one-sided slopes, or lie between them
            sides = sorted([(up - here) / h, (here - down) / h])
            if not (sides[1] - sides[0] > 1e-3 and sides[0] - 1e-5 <= rec[i] <= sides[1] + 1e-5):
                self.bad.append(f"{what}[{i}]: recorded {rec[i]:.8g}, difference {slope:.8g}")


def recorded(case, key):
    return arrays(case["expected"].get(key))


# ---------------------------------------------------------------- kinds
def check_layer(case, R):
    spec, P, B, X = case["spec"], arrays(case.get("initial_parameters")), arrays(case.get("initial_buffers")), arrays(case["inputs"])
    G = arrays(case["output_gradients"])
    train = spec["mode"] == "train"

    def f():
        out = forward(spec["layers"], P, B, X, train)
        return float(sum((out[k] * G[k]).sum() for k in out))

    out = forward(spec["layers"], P, B, X, train)
    for k, v in recorded(case, "outputs").items():
        R.close("outputs." + k, out[k], v)
    R.close("loss", f(), case["expected"]["loss"])
    scale = sum(float(np.abs(out[k] * G[k]).sum()) for k in out)
    for k, v in recorded(case, "buffers_after").items():
        R.close("buffers_after." + k, B.get("new:" + k, B[k]), v)
    for key, where in (("input_gradients", X), ("parameter_gradients", P)):
        for k, v in recorded(case, key).items():
            pad = next((l["padding_index"] for l in spec["layers"] if l.get("padding_index") is not None), None)
            if key == "parameter_gradients" and pad is not None:
                R.close("gradient of the padding row", v[pad], np.zeros_like(v[pad]), 0, 0)
                keep = [i for i in range(len(v)) if i != pad]
                full = where[k]
                for i in keep:
                    R.differences(f"{key}.{k}[{i}]", f, full[i], v[i], scale)
            else:
                R.differences(f"{key}.{k}", f, where[k], v, scale)


def check_loss(case, R):
    spec, X, T = case["spec"]["loss"], arrays(case["inputs"]), arrays(case["targets"])
    w = array(case["sample_weights"]) if "sample_weights" in case else None
    f = lambda: float(loss(spec, X["predictions"], T, w)[0])
    value, per = loss(spec, X["predictions"], T, w)
    R.close("loss", value, case["expected"]["loss"])
    R.close("loss_per_sample", per, array(case["expected"]["loss_per_sample"]))
    for k, v in recorded(case, "input_gradients").items():
        R.differences("input_gradients." + k, f, X[k], v, abs(value))


SLOPE = {
    "relu": lambda x: (x > 0) * 1.0,
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
    "sigmoid": lambda x: sigmoid(x) * sigmoid(-x),
    "silu": lambda x: sigmoid(x) * (1 + x * sigmoid(-x)),
}


def backprop(layers, P, x, spec, T, w):
    """Loss and gradients of a plain stack, written out by hand."""
    xs = [x]
    for layer in layers:
        xs.append(apply(layer, P, {}, {}, xs[-1], True))
    n = len(x)
    w = np.ones(n) if w is None else w
    if spec["type"] == "mse":
        g = 2 * (xs[-1] - T["y"]) * w[:, None] / xs[-1].size
        last = len(layers)
    elif spec["from_logits"]:
        y = np.eye(xs[-1].shape[1])[T["y"]]
        g = (np.exp(log_softmax(xs[-1])) - y) * w[:, None] / n
        last = len(layers)
    else:  # softmax and cross-entropy together
        assert layers[-1]["type"] == "softmax"
        g = (xs[-1] - np.eye(xs[-1].shape[1])[T["y"]]) * w[:, None] / n
        last = len(layers) - 1
    grads = {}
    for k in range(last - 1, -1, -1):
        layer = layers[k]
        if layer["type"] == "dense":
            grads[layer["name"] + ".weight"] = g.T @ xs[k]
            grads[layer["name"] + ".bias"] = g.sum(0)
            g = g @ P[layer["name"] + ".weight"]
        else:
            g = g * SLOPE[layer["type"]](xs[k])
    return loss(spec, xs[-1], T, w)[0], {k: grads[k] for k in P}


def rate_at(s, base, t):
    k = s["type"]
    cos = lambda a, b, u: b + (a - b) * (1 + math.cos(math.pi * u)) / 2
    if k == "step":
        return base * s["gamma"] ** math.floor(t / s["step_size"])
    if k == "exponential":
        return base * math.exp(t * math.log(s["gamma"]))
    if k == "cosine":
        return cos(base, s["min_rate"], min(1, t / s["total_steps"]))
    if k == "linear_warmup":
        return base * (s["start_factor"] + (1 - s["start_factor"]) * min(1, t / s["warmup_steps"]))
    if k == "warmup_cosine":
        w, n = s["warmup_steps"], s["total_steps"]
        return base * (t + 1) / w if t < w else cos(base, s["min_rate"], min(1, (t - w) / (n - w)))
    if k == "inverse_sqrt":
        return base * math.sqrt(s["warmup_steps"]) * min((t + 1) ** -0.5, (t + 1) * s["warmup_steps"] ** -1.5)
    up = s["pct_start"] * s["total_steps"] - 1
    first = base / s["div_factor"]
    return cos(first, base, t / up) if t <= up else cos(base, first / s["final_div_factor"], (t - up) / (s["total_steps"] - 1 - up))


def update(o, lr, t, p, g, m):
    """One optimizer step on one tensor; m is that tensor's state."""
    k = o["type"]
    get = lambda name, start=0.0: m.setdefault(name, np.full_like(p, start))
    if k == "sgd":
        mu = o.get("momentum", 0.0)
        m["b"] = mu * m["b"] + g if "b" in m else g.copy()
        return p - lr * (g + mu * m["b"] if o.get("nesterov") else m["b"])
    if k == "adagrad":
        m["s"] = get("s", o.get("initial_accumulator", 0.0)) + g * g
        return p - lr * g / (np.sqrt(m["s"]) + o["eps"])
    if k == "rmsprop":
        a = o["alpha"]
        m["s"] = a * get("s") + (1 - a) * g * g
        v = m["s"]
        if o.get("centered"):
            m["a"] = a * get("a") + (1 - a) * g
            v = v - m["a"] ** 2
        step = g / (np.sqrt(v) + o["eps"])
        if o.get("momentum"):
            m["b"] = o["momentum"] * get("b") + step
            step = m["b"]
        return p - lr * step
    if k in ("adam", "adamw"):
        b1, b2 = o["beta1"], o["beta2"]
        if k == "adamw":
            p = p * (1 - lr * o["weight_decay"])
        m["m"] = b1 * get("m") + (1 - b1) * g
        m["v"] = b2 * get("v") + (1 - b2) * g * g
        v = m["v"]
        if o.get("amsgrad"):
            m["x"] = v = np.maximum(get("x"), v)
        return p - lr * (m["m"] / (1 - b1 ** t)) / (np.sqrt(v / (1 - b2 ** t)) + o["eps"])
    raise ValueError(k)


def after_step(case, R, t, P, state=None):
    for row in case["expected"].get("parameters_after", []):
        if row["step"] == t:
            for k, v in arrays(row["parameters"]).items():
                R.close(f"parameters_after[{t}].{k}", P[k], v)
            for s in (state or {}):
                for k, v in arrays(row["optimizer_state"][s]).items():
                    R.close(f"optimizer_state[{t}].{s}.{k}", state[s][k], v)


def step(spec, t, P, g, norm, state):
    """Clips, regularises and updates all parameters."""
    o, reg, clip = spec["optimizer"], spec.get("regularization"), spec.get("gradient_clipping")
    lr = rate_at(spec["schedule"], o["lr"], t - 1) if "schedule" in spec else o["lr"]
    for k in P:
        v = g[k]
        if clip and clip["type"] == "value":
            v = np.clip(v, -clip["limit"], clip["limit"])
        elif clip:
            v = v * min(1.0, clip["max_norm"] / norm)
        if reg and (reg["applies_to"] == "all" or "weight" in k):
            v = v + reg["l1"] * np.sign(P[k]) + reg["l2"] * P[k]
        P[k] = update(o, lr, t, P[k], v, state[k])


def slow_run(case, R):
    """A model's whole run with finite-difference gradients of every parameter."""
    spec, P, B = case["spec"], arrays(case["initial_parameters"]), arrays(case.get("initial_buffers"))
    inputs, targets = arrays(case["inputs"]), arrays(case["targets"])
    W = array(case["sample_weights"]) if "sample_weights" in case else None
    state = {k: {} for k in P}
    losses, after = [], {row["step"]: arrays(row["parameters"]) for row in case["expected"]["parameters_after"]}
    for t, rows in enumerate(case["batches"], 1):
        X, T = ({k: v[rows] for k, v in d.items()} for d in (inputs, targets))
        f = lambda: float(loss(spec["loss"], forward(spec["layers"], P, B, X, True)["output"], T, None if W is None else W[rows])[0])
        g = {}
        for k, p in P.items():
            g[k] = np.zeros_like(p)
            flat = p.reshape(-1)
            for i in range(flat.size):
                old, h = flat[i], 1e-5
                flat[i] = old + h
                up = f()
                flat[i] = old - h
                g[k].reshape(-1)[i] = (up - f()) / (2 * h)
                flat[i] = old
        losses.append(f())
        B.update({k[4:]: v for k, v in list(B.items()) if k.startswith("new:")})
        norm = math.sqrt(sum((v ** 2).sum() for v in g.values()))
        R.close(f"gradient_norms[{t}]", norm, case["expected"]["gradient_norms"][t - 1], 1e-3, 1e-5)
        step(spec, t, P, g, norm, state)
        P = {k: np.ascontiguousarray(v) for k, v in P.items()}
        for k, v in after.get(t, {}).items():
            R.close(f"parameters_after[{t}].{k}", P[k], v, 1e-3, 1e-4)
    R.close("losses", losses, case["expected"]["losses"], 1e-3, 1e-5)
    for k, v in recorded(case, "buffers_after").items():
        R.close("buffers_after." + k, B[k], v, 1e-3, 1e-5)


def whole_run(case, R):
    spec, P, X, T = case["spec"], arrays(case["initial_parameters"]), arrays(case["inputs"]), arrays(case["targets"])
    W = array(case["sample_weights"]) if "sample_weights" in case else None
    state = {k: {} for k in P}
    losses, norms = [], []
    for t, rows in enumerate(case["batches"], 1):
        w = None if W is None else W[rows]
        value, g = backprop(spec["layers"], P, X["x"][rows], spec["loss"], {k: v[rows] for k, v in T.items()}, w)
        losses.append(value)
        norms.append(math.sqrt(sum((v ** 2).sum() for v in g.values())))
        if t == 1:
            for k, v in recorded(case, "parameter_gradients").items():
                R.close("parameter_gradients." + k, g[k], v)
            per = case["expected"].get("gradient_norms_per_layer")
            if per:
                R.close("gradient_norms_per_layer", [np.linalg.norm(v) for k, v in g.items() if k.endswith(".weight")], per)
        step(spec, t, P, g, norms[-1], state)
        after_step(case, R, t, P)
    R.close("losses", losses, case["expected"]["losses"])
    R.close("gradient_norms", norms, case["expected"]["gradient_norms"])


def ftrl_run(case, R):
    """Minimises g_{1:t} w + beta/(2 alpha) w^2 + sum_s sigma_s/2 (w - w_s)^2 + l1 |w| + l2/2 w^2 by bisection."""
    o, x, y = case["spec"]["optimizer"], array(case["inputs"]["x"]), array(case["targets"]["y"])[:, 0]
    x = np.hstack([x, np.ones((len(x), 1))])
    d = x.shape[1]
    gs, ws, sigmas = [], [], []
    squares = np.zeros(d)

    def best():
        G, S = (np.sum(gs, 0), np.sum(sigmas, 0)) if gs else (np.zeros(d), np.zeros(d))
        SW = np.sum(np.array(sigmas) * np.array(ws), 0) if gs else np.zeros(d)
        out = np.zeros(d)
        for i in range(d):
            slope = lambda w, side: G[i] + (o["beta"] / o["alpha"] + o["l2"] + S[i]) * w - SW[i] + o["l1"] * side
            if slope(0.0, -1) <= 0 <= slope(0.0, 1):
                continue
            side = 1.0 if slope(0.0, 1) < 0 else -1.0
            lo, hi = 0.0, 1e3
            for _ in range(200):
                mid = (lo + hi) / 2
                if side * slope(side * mid, side) < 0:
                    lo = mid
                else:
                    hi = mid
            out[i] = side * lo
        return out, G - SW

    losses = []
    for t, rows in enumerate(case["batches"], 1):
        w, _ = best()
        s = x[rows] @ w
        losses.append(np.mean(np.logaddexp(0, s) - s * y[rows]))
        g = ((sigmoid(s) - y[rows])[:, None] * x[rows]).mean(0)
        sigmas.append((np.sqrt(squares + g * g) - np.sqrt(squares)) / o["alpha"])
        squares = squares + g * g
        gs.append(g)
        ws.append(w)
        split = lambda v: {"fc.weight": v[None, :-1], "fc.bias": v[-1:]}
        w, z = best()
        after_step(case, R, t, split(w), {"z": split(z), "n": split(squares)})
    R.close("losses", losses, case["expected"]["losses"])


def check_training(case, R):
    spec = case["spec"]
    if spec["optimizer"]["type"] == "ftrl_proximal" and not spec["optimizer"].get("sparse_embedding"):
        return ftrl_run(case, R)
    rows = case["batches"][0]
    P, B = arrays(case["initial_parameters"]), arrays(case.get("initial_buffers"))
    X, T = ({k: v[rows] for k, v in arrays(case[key]).items()} for key in ("inputs", "targets"))
    w = array(case["sample_weights"])[rows] if "sample_weights" in case else None
    run = lambda: forward(spec["layers"], P, B, X, True)["output"]
    f = lambda: float(loss(spec["loss"], run(), T, w)[0])
    R.close("outputs", run(), array(case["expected"]["outputs"]["output"]))
    R.close("losses[0]", f(), case["expected"]["losses"][0])
    for k, v in recorded(case, "parameter_gradients").items():
        R.differences("parameter_gradients." + k, f, P[k], v, abs(f()))
    plain = {"dense", "softmax", *SLOPE}
    if all(l["type"] in plain for l in spec["layers"]) and spec["loss"]["type"] in ("mse", "categorical_cross_entropy"):
        whole_run(case, R)
    elif spec["layers"][0]["type"] == "embedding" and [l["type"] for l in spec["layers"]] == ["embedding", "flatten", "dense"]:
        embedding_run(case, R)
    elif FULL:
        slow_run(case, R)


def embedding_run(case, R):
    """A touched table, row by row: each row that a step reads has a memory of its own."""
    spec, P, X, T = case["spec"], arrays(case["initial_parameters"]), arrays(case["inputs"]), arrays(case["targets"])
    o = spec["optimizer"]
    first = {k: v.copy() for k, v in P.items()}
    memory = {}

    def move(t, name, row, g):
        place = (name, row)
        kept = memory.setdefault(place, {})
        now = P[name] if row is None else P[name][row]
        if o["type"] == "ftrl_proximal":
            begin = first[name] if row is None else first[name][row]
            new = ftrl_row(o, begin, now, g, kept)
        else:
            new = update(o, o["lr"], t, now, g, kept)
        if row is None:
            P[name] = new
        else:
            P[name][row] = new

    losses = []
    for t, rows in enumerate(case["batches"], 1):
        ids, y = X["x"][rows], T["y"][rows]
        e = P["emb.weight"][ids]
        flat = e.reshape(len(rows), -1)
        s = flat @ P["fc.weight"].T + P["fc.bias"]
        losses.append(np.mean(np.logaddexp(0, s) - s * y))
        g = (sigmoid(s) - y) / len(rows)
        ge = (g @ P["fc.weight"]).reshape(e.shape)
        move(t, "fc.weight", None, g.T @ flat)
        move(t, "fc.bias", None, g.sum(0))
        for row in set(ids.ravel().tolist()):
            move(t, "emb.weight", row, ge[ids == row].sum(0))
        after_step(case, R, t, P)
    R.close("losses", losses, case["expected"]["losses"])
    idle = sorted(set(range(len(first["emb.weight"]))) - set(X["x"].ravel().tolist()))
    final = array(case["expected"]["parameters_after"][-1]["parameters"]["emb.weight"])
    R.close("untouched rows", final[idle], first["emb.weight"][idle], 0, 0)


def ftrl_row(o, begin, now, g, kept):
    """FTRL: each weight as the place where the slope of its objective changes sign, found by bisection. The start is one
    more linear term of it."""
    pull = begin * (o["beta"] / o["alpha"] + o["l2"]) + np.sign(begin) * o["l1"]
    kept.setdefault("linear", -pull)
    kept.setdefault("n", np.zeros_like(g))
    grown = kept["n"] + g * g
    kept["linear"] = kept["linear"] + g - (np.sqrt(grown) - np.sqrt(kept["n"])) / o["alpha"] * now
    kept["n"] = grown
    out = np.zeros_like(g)
    for i in np.ndindex(g.shape):
        curve = (o["beta"] + math.sqrt(grown[i])) / o["alpha"] + o["l2"]
        lo, hi = -1e3, 1e3
        slope = lambda w: kept["linear"][i] + curve * w + o["l1"] * np.sign(w)
        for _ in range(200):
            mid = (lo + hi) / 2
            lo, hi = (mid, hi) if slope(mid) < 0 else (lo, mid)
        out[i] = 0.0 if abs(hi) < 1e-12 else (lo + hi) / 2
    return out


def check_schedule(case, R):
    s = case["spec"]
    R.close("rates", [rate_at(s["schedule"], s["lr"], t) for t in range(s["steps"])], case["expected"]["rates"])


def check_init(case, R):
    for row in case["expected"]["rows"]:
        rest = int(np.prod(row["shape"][2:]))
        i, o = row["shape"][1] * rest, row["shape"][0] * rest
        var = 2 / i if row["scheme"].startswith("he") else 2 / (i + o)
        R.close("std", row["std"] ** 2, var)
        if "bound" in row:  # variance of a uniform distribution
            R.close("bound", row["bound"] ** 2 / 3, var)


def check_metric(case, R):
    exp = case["expected"]
    if "fading_factor" in case["spec"]:
        hit, a = array(case["inputs"]["correct"]), case["spec"]["fading_factor"]
        for t in range(len(hit)):
            w = a ** np.arange(t, -1, -1.0)
            R.close(f"accuracy[{t}]", (w * hit[:t + 1]).sum() / w.sum(), exp["accuracy"][t])
        return
    y = array(case["targets"]["y"])
    w = array(case["sample_weights"]) if "sample_weights" in case else np.ones(len(y))
    mean = lambda v: (w * v).sum() / w.sum()
    if "predictions" in case["inputs"]:
        p = array(case["inputs"]["predictions"])
        R.close("mae", mean(np.abs(p - y)), exp["mae"])
        R.close("rmse", math.sqrt(mean((p - y) ** 2)), exp["rmse"])
        R.close("r2", 1 - mean((p - y) ** 2) / mean((y - mean(y)) ** 2), exp["r2"])
        return
    p = array(case["inputs"]["probabilities"])

    def bins(p, hit):
        total = 0.0
        for k in range(10):
            m = (p >= k / 10) & (p < (k + 1) / 10)
            total += abs((w * (p - hit))[m].sum()) / w.sum()
        return total

    if p.ndim == 2:
        hat, k = p.argmax(1), p.shape[1]
        R.close("accuracy", (hat == y).mean(), exp["accuracy"])
        R.close("log_loss", -np.log(p[np.arange(len(y)), y]).mean(), exp["log_loss"])
        f = []
        for c in range(k):
            tp, fp, fn = ((hat == c) & (y == c)).sum(), ((hat == c) & (y != c)).sum(), ((hat != c) & (y == c)).sum()
            f.append(2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0)
        R.close("f1_macro", np.mean(f), exp["f1_macro"])
        R.close("f1_micro", (hat == y).mean(), exp["f1_micro"])
        R.close("calibration_error_top", bins(p.max(1), (hat == y) * 1.0), exp["calibration_error_top"])
        return
    hat = p >= 0.5
    tp, fp, fn = (w * (hat & (y == 1))).sum(), (w * (hat & (y == 0))).sum(), (w * (~hat & (y == 1))).sum()
    ll = mean(-np.where(y == 1, np.log(p), np.log(1 - p)))
    pos, neg = y == 1, y == 0
    pairs = w[pos][:, None] * w[neg][None, :]
    wins = (p[pos][:, None] > p[neg][None, :]) + 0.5 * (p[pos][:, None] == p[neg][None, :])
    r = mean(y)
    want = {"accuracy": mean(hat == y), "log_loss": ll, "roc_auc": (pairs * wins).sum() / pairs.sum(), "brier": mean((p - y) ** 2),
            "precision": tp / (tp + fp) if tp + fp else 0.0, "recall": tp / (tp + fn), "f1": 2 * tp / (2 * tp + fp + fn),
            "calibration_error": bins(p, y), "calibration_ratio": (w * p).sum() / (w * y).sum(),
            "normalised_entropy": ll / -(r * math.log(r) + (1 - r) * math.log(1 - r))}
    for k, v in want.items():
        R.close(k, v, exp[k])


def check_drift(case, R):
    s = case["spec"]
    found, start, warned, stats = [], 0, [], []
    if s["detector"] == "page_hinkley":
        x = array(case["inputs"]["x"])
        m = []
        for i in range(len(x)):
            part = x[start:i + 1]
            m.append(part[-1] - part.mean() - s["delta"])
            sums = np.concatenate([[0.0], np.cumsum(m)])
            stats.append(sums[-1] - sums.min())
            if len(part) >= s["min_instances"] and stats[-1] > s["threshold"]:
                found.append(i)
                start, m = i + 1, []
        R.close("statistic", stats, case["expected"]["statistic"])
    else:
        e = array(case["inputs"]["errors"])
        for i in range(len(e)):
            n = i + 1 - start
            if n < s["min_instances"]:
                continue
            ps = [(e[start:j + 1].mean(), j + 1 - start) for j in range(start + s["min_instances"] - 1, i + 1)]
            pairs = [(p, math.sqrt(p * (1 - p) / k)) for p, k in ps]
            low = min(pairs, key=lambda v: v[0] + v[1])
            now = sum(pairs[-1])
            if now >= low[0] + s["drift_level"] * low[1]:
                found.append(i)
                start = i + 1
            elif now >= low[0] + s["warning_level"] * low[1]:
                warned.append(i)
        R.close("warnings", warned, case["expected"]["warnings"], 0, 0)
    R.close("detections", found, case["expected"]["detections"], 0, 0)


CHECKS = {"layer": check_layer, "loss": check_loss, "optimizer": check_training, "model": check_training,
          "schedule": check_schedule, "init": check_init, "metric": check_metric, "drift": check_drift}


def main():
    targets = [pathlib.Path(a) for a in sys.argv[1:] if a != "--full"] or [DEFAULT]
    failed = 0
    for target in targets:
        files = sorted(target.glob("*.json")) if target.is_dir() else [target]
        start, checks, bad, worst, kinds, left_out = time.time(), 0, 0, 0.0, {}, 0
        for file in files:
            case = json.loads(file.read_text())
            if "recipe.py" in case["source"]:
                left_out += 1
                continue
            R = Report(case)
            CHECKS[case["kind"]](case, R)
            checks += R.checks
            worst = max(worst, R.worst)
            kinds[case["kind"]] = kinds.get(case["kind"], 0) + 1
            if R.bad:
                bad += 1
                print(f"FAILED {case['name']}: " + "; ".join(R.bad[:4]) + (f" and {len(R.bad) - 4} more" if len(R.bad) > 4 else ""))
        print(f"{target.name}: {len(files) - left_out} cases, {left_out} of recipe.py left out, {bad} failed, {checks} comparisons, largest direct error {worst:.1e}, "
              f"{time.time() - start:.0f} s, {kinds}")
        failed += bad
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
