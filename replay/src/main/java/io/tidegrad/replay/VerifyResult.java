package io.tidegrad.replay;

import io.tidegrad.control.ControlAction;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the log says of a published version.
///
/// @param target the version that was asked for
/// @param model whose versions were compared
/// @param learnedBy the model whose registered spec and start were learned by: mostly the same one
/// @param startOffset where the model began
/// @param rollbacks that lead to its epoch, oldest first: what they left out was not learned again
/// @param events that were learned again, dead letters among them, ticks not
/// @param compared checkpoints whose hashes were compared: snapshots, progress records, the live state
/// @param weightsHash at the target, as learned again; where it differs before, not learned that far, null
/// @param difference null when everything that was compared is equal
/// @param nanos of reading, decoding and learning
public record VerifyResult(String model, String learnedBy, int epoch, Checkpoint target, long startOffset,
        List<ControlAction.Rollback> rollbacks, long events, int compared, @Nullable String weightsHash,
        @Nullable Difference difference, long nanos) {
    /// Where the two part: between `equal` and `different`, and there is nothing in between that could tell.
    ///
    /// @param equal the last checkpoint that agrees; null when none does, then it is the start
    /// @param different the first one that does not
    /// @param version as learned again at that offset
    /// @param weightsHash as learned again there
    /// @param stateHash as learned again there
    /// @param comparedWith the weights in which `tensor` was found, at or after `different`; null when there are none
    /// @param tensor null when no number differs there: counts do, or pending rows
    public record Difference(@Nullable Checkpoint equal, Checkpoint different, long version, String weightsHash,
            String stateHash, @Nullable String comparedWith, @Nullable TensorDifference tensor) {
    }
}
