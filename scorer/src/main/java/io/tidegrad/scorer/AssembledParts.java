package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.DecodedParts;
import java.util.List;

/// All parts of one version, once its manifest has arrived.
sealed interface AssembledParts {
    /// The values of parts 0 … n-1 as they arrived.
    record Collected(List<byte[]> values) implements AssembledParts {
    }

    /// The parts of a full snapshot, already decoded into weights.
    record Decoded(DecodedParts parts) implements AssembledParts {
    }
}
