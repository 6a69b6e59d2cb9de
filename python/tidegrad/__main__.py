"""python3 -m tidegrad FILE…: reads exported models, recomputes their hash, and says what they are."""

import sys

from .models import FormatError, read_safetensors, read_snapshot


def _line(path: str) -> str:
    with open(path, "rb") as file:
        is_snapshot = file.read(4) == b"TGSF"
    if is_snapshot:
        snapshot = read_snapshot(path)
        return f"{path}: {snapshot.model} {snapshot.epoch}.{snapshot.version}, weights-hash {snapshot.weights_hash}"
    read = read_safetensors(path)
    of = read.metadata
    return f"{path}: {of.get('model')} {of.get('epoch')}.{of.get('version')}, weights-hash {read.recompute_weights_hash()}"


def main(paths: list[str]) -> int:
    status = 0
    for path in paths:
        try:
            print(_line(path))
        except (FormatError, OSError) as e:
            print(f"tidegrad: {e}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python3 -m tidegrad FILE.snapshot|FILE.safetensors …")
    sys.exit(main(sys.argv[1:]))
