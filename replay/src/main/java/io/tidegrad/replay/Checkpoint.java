package io.tidegrad.replay;

import org.jspecify.annotations.Nullable;

/// What somebody else says the model was at an offset.
///
/// @param nextOffset exclusive: of every record before it
/// @param version its update count
/// @param weightsHash 64 hex digits
/// @param stateHash 64 hex digits; null where it is not known
/// @param source who says so, for a person: `snapshot 1.500`
public record Checkpoint(long nextOffset, long version, String weightsHash, @Nullable String stateHash, String source) {
}
