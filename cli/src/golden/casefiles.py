"""What needs no PyTorch: inputs, tolerances, the files."""
import copy
import math
import zlib

import numpy as np

MARGIN = 20.0


# ---------------------------------------------------------------- data helpers
class Scaled:
    """Small unsigned integers whose value is data / divide_by (pixels)."""

    def __init__(self, data, divide_by):
        self.data = np.asarray(data, dtype=np.uint8)
        self.divide_by = divide_by

    def value(self):
        return self.data.astype(np.float32) / np.float32(self.divide_by)


def rng_for(set_seed, name):
    """A generator that depends only on the set's seed and the case's name."""
    return np.random.default_rng([set_seed, zlib.crc32(name.encode())])


def f32(a, digits=4):
    """Round to a few decimals (small files), then to float32."""
    return np.round(np.asarray(a, dtype=np.float64), digits).astype(np.float32)


def i32(a):
    return np.asarray(a, dtype=np.int32)


def normal(rng, *shape, scale=1.0, centre=0.0):
    return f32(centre + scale * rng.standard_normal(shape))


def value(a):
    return a.value() if isinstance(a, Scaled) else a


# ---------------------------------------------------------------- tolerance and output
def leaves(x, path=""):
    if isinstance(x, dict):
        for k, v in x.items():
            yield from leaves(v, f"{path}/{k}")
    elif isinstance(x, list):
        for i, v in enumerate(x):
            yield from leaves(v, f"{path}/{i}")
    elif not isinstance(x, str):
        yield path, np.asarray(x, dtype=np.float64)


def up_to_digit(v):
    """Smallest 1, 2 or 5 times a power of ten that is not below v."""
    e = 10.0 ** math.floor(math.log10(v))
    return next(float(f"{m * e:.0e}") for m in (1, 2, 5, 10) if m * e >= v * (1 - 1e-12))


def calibrate(ref, low, rtol=2e-5, atol=2e-6, fixed=False):
    """Widens (rtol, atol) until `low` (PyTorch float32) passes with MARGIN to spare."""
    pairs = [(a, b) for (_, a), (_, b) in zip(leaves(ref), leaves(low))]
    worst = max((float(np.abs(a - b).max()) for a, b in pairs if a.size), default=0.0)

    def needed(r):
        return max((float((MARGIN * np.abs(a - b) - r * np.abs(a)).max()) for a, b in pairs if a.size), default=0.0)

    if fixed:
        assert needed(rtol) <= atol, (needed(rtol), atol)
        return {"rtol": rtol, "atol": atol}, worst
    if needed(rtol) > atol:
        rtol = 1e-4
        atol = max(atol, up_to_digit(max(needed(rtol), 1e-12)))
        scale = max(1.0, max(float(np.abs(a).max()) for a, _ in pairs if a.size))
        assert atol <= 1e-4 * scale, ("float32 and float64 disagree", atol, scale)
    return {"rtol": rtol, "atol": atol}, worst


KEY_ORDER = ["schema", "name", "kind", "description", "source", "spec", "initial_parameters",
             "initial_buffers", "inputs", "targets", "sample_weights", "batches", "output_gradients",
             "expected", "tolerance", "float32_reference_error"]


def fmt(v):
    if isinstance(v, (bool, np.bool_)):
        return "true" if v else "false"
    if isinstance(v, np.float32):
        s = str(v)
        return s[:-2] if s.endswith(".0") else s
    if isinstance(v, (float, np.floating)):
        assert math.isfinite(v)
        return repr(float(v))
    if isinstance(v, (int, np.integer)):
        return str(int(v))
    if v is None:
        return "null"
    return '"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"'


def render(x, depth=0):
    pad, inner = " " * depth, " " * (depth + 1)
    if isinstance(x, Scaled):
        data = ",".join(str(int(v)) for v in x.data.ravel())
        return (f'{{"shape": {list(x.data.shape)}, "dtype": "u8", "divide_by": {x.divide_by}, '
                f'"data": [{data}]}}')
    if isinstance(x, np.ndarray):
        kind = "i32" if x.dtype.kind in "iu" else "f32"
        flat = x.astype(np.float32).ravel() if kind == "f32" else x.ravel()
        data = ",".join(fmt(v) for v in flat)
        return f'{{"shape": {list(x.shape)}, "dtype": "{kind}", "data": [{data}]}}'
    if isinstance(x, dict):
        if not x:
            return "{}"
        flat = all(not isinstance(v, (dict, list, np.ndarray, Scaled)) for v in x.values())
        if flat:
            return "{" + ", ".join(f'"{k}": {fmt(v)}' for k, v in x.items()) + "}"
        body = ",\n".join(f'{inner}"{k}": {render(v, depth + 1)}' for k, v in x.items())
        return "{\n" + body + "\n" + pad + "}"
    if isinstance(x, (list, tuple)):
        if all(not isinstance(v, (dict, list, tuple, np.ndarray, Scaled)) for v in x):
            return "[" + ", ".join(fmt(v) for v in x) + "]"
        return "[\n" + ",\n".join(inner + render(v, depth + 1) for v in x) + "\n" + pad + "]"
    return fmt(x)


def write(case, folder):
    case = copy.copy(case)
    case["schema"] = 1
    if case["kind"] in ("optimizer", "model"):
        exp = dict(case["expected"])
        for k in ("losses", "gradient_norms", "gradient_norms_per_layer", "penalties"):
            if k in exp:
                exp[k] = [float(f"{v:.10g}") for v in exp[k]]
        case["expected"] = exp
    if "batches" in case:
        case["batches"] = [[int(i) for i in b] for b in case["batches"]]
    ordered = {k: case[k] for k in KEY_ORDER if k in case}
    text = render(ordered) + "\n"
    path = folder / (case["name"] + ".json")
    assert not path.exists(), path
    path.write_text(text)
    return len(text)
