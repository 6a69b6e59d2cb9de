package io.tidegrad.replay;

import org.jspecify.annotations.Nullable;

/// What another source says the model was at an offset.
///
/// @param nextOffset the offset before which every record is learned
/// @param version the number of updates
/// @param weightsHash 64 hex digits
/// @param stateHash 64 hex digits; null if it is not known
/// @param source as text, such as `snapshot 1.500`
public record Checkpoint(long nextOffset, long version, String weightsHash, @Nullable String stateHash, String source) {
}
