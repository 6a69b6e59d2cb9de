package io.tidegrad.replay;

import io.tidegrad.control.ControlAction;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the log says of a published version.
///
/// @param model the model whose versions were compared
/// @param learnedBy the model whose registered spec and start were used, mostly the same
/// @param target the version that was asked for
/// @param startOffset where the model began, or where its newest upgrade took it over
/// @param rollbacks the rollbacks that lead to its epoch, oldest first; what they left out was not learned
/// @param events how many events were learned again, dead letters included, ticks not
/// @param compared how many checkpoints were compared: snapshots, progress records, the live state
/// @param weightsHash at the target, as learned again; null if a difference before it was found first
/// @param difference null if everything that was compared is equal
/// @param nanos time of reading, decoding and learning
public record VerifyResult(String model, String learnedBy, int epoch, Checkpoint target, long startOffset,
        List<ControlAction.Rollback> rollbacks, long events, int compared, @Nullable String weightsHash,
        @Nullable Difference difference, long nanos) {
    /// The place of the difference: between `equal` and `different`, where nothing can be compared.
    ///
    /// @param equal the last checkpoint that agrees; null if none does
    /// @param different the first checkpoint that does not agree
    /// @param version as learned again at that offset
    /// @param weightsHash as learned again at that offset
    /// @param stateHash as learned again at that offset
    /// @param comparedWith the weights in which `tensor` was found, at or after `different`; null if there are none
    /// @param tensor null if no number differs there, only counts or pending rows
    public record Difference(@Nullable Checkpoint equal, Checkpoint different, long version, String weightsHash,
            String stateHash, @Nullable String comparedWith, @Nullable TensorDifference tensor) {
    }
}
