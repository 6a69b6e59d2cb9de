"""Client of Tidegrad: asks a scorer, reads exported models, and reads progressive metrics."""

from .client import NotReachable, Scorer, ScorerError, Scores
from .models import FormatError, Snapshot, Tensors, read_safetensors, read_snapshot, weights_hash
from .progress import MissingKafkaClient, read_progress

__all__ = [
    "FormatError",
    "MissingKafkaClient",
    "NotReachable",
    "Scorer",
    "ScorerError",
    "Scores",
    "Snapshot",
    "Tensors",
    "read_progress",
    "read_safetensors",
    "read_snapshot",
    "weights_hash",
]
