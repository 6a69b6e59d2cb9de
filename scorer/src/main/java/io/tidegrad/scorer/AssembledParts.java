package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.DecodedParts;
import java.util.List;

/// All parts of one version, when its manifest comes.
sealed interface AssembledParts {
    /// Values of parts 0 … n-1, as they came.
    record Collected(List<byte[]> values) implements AssembledParts {
    }

    /// Of a full snapshot, and no longer held but as weights.
    record Decoded(DecodedParts parts) implements AssembledParts {
    }
}
