package io.tidegrad.control;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// A decision about a model, which trainers and scorers follow once its record is committed, or a note, which they pass over.
public sealed interface ControlAction {
    /// A new model begins, in the first epoch or in the next one after a deletion.
    ///
    /// @param specFingerprint 64 hex digits
    /// @param inputTopicId the topic's id in Kafka's own notation
    /// @param startOffset offset of the first event that the model learns
    record Create(int epoch, String specFingerprint, String inputTopic, String inputTopicId,
            long startOffset) implements ControlAction {
    }

    /// The model stops learning, and scorers go on answering with it.
    record Pause() implements ControlAction {
    }

    /// The model goes on learning where it stopped.
    record Resume() implements ControlAction {
    }

    /// A new epoch begins with an earlier version. Scorers serve that version at once, and from then on refuse every
    /// version of an earlier epoch, even a newer one.
    ///
    /// An upgrade is a rollback to the newest state, which leaves nothing out: a build with another `Numerics.VERSION`
    /// goes on with it. That state is then the beginning of what can be learned again, because what came before has the
    /// bits of another build.
    ///
    /// A move is an upgrade, perhaps to the same numerics, that goes on with a copy of the log: the base's offset is that
    /// of the copy, and all offsets of earlier epochs are of the log before.
    ///
    /// @param epoch the new epoch, which is above all earlier ones
    /// @param numerics the numerics by which the new epoch learns, of an upgrade; 0 for those of the base
    /// @param move null if the log stays
    record Rollback(int epoch, Base base, long resumeOffset, int numerics,
            @Nullable Move move) implements ControlAction {
        public Rollback(int epoch, Base base, long resumeOffset) {
            this(epoch, base, resumeOffset, 0);
        }

        public Rollback(int epoch, Base base, long resumeOffset, int numerics) {
            this(epoch, base, resumeOffset, numerics, null);
        }

        public boolean isUpgrade() {
            return numerics > 0;
        }

        public boolean isMove() {
            return move != null;
        }

        /// Returns the watermark with which the epoch before has left the base.
        public long leftAt() {
            return move == null ? base.nextOffset() : move.leftAt();
        }

        @Override
        public String word() {
            return isMove() ? "adopt" : isUpgrade() ? "upgrade" : "rollback";
        }
    }

    /// From one log to a copy of it.
    ///
    /// @param fromTopicId id of the topic before, in Kafka's own notation
    /// @param leftAt the base's next offset there
    /// @param toTopicId id of the copy
    record Move(String fromTopicId, long leftAt, String toTopicId) {
    }

    /// Another model answers requests for this name, or its own model does so again.
    ///
    /// @param by the model that answers
    /// @param epoch the epoch of `by` when this was decided
    record Promote(String by, int epoch) implements ControlAction {
    }

    /// No trainer learns the model any more, and no scorer answers with it.
    record Delete() implements ControlAction {
    }

    /// Another model also scores the requests for this name, and is compared with the model that answers them.
    ///
    /// @param by the other model
    /// @param epoch the epoch of `by` when this was decided
    record Shadow(String by, int epoch) implements ControlAction {
    }

    /// Another model answers the requests for this name that have some of the keys.
    ///
    /// @param by the other model
    /// @param epoch the epoch of `by` when this was decided
    /// @param share the part of all keys, in ten-thousandths, from 1 to `Candidate.WHOLE`
    record Challenge(String by, int epoch, int share) implements ControlAction {
    }

    /// Another model is no longer a shadow or a challenger of this name.
    record Withdraw(String by) implements ControlAction {
    }

    /// What the publish gate of a trainer did. It is told to people, and changes no state.
    sealed interface Note extends ControlAction {
        /// Returns the epoch whose versions the gate judges.
        int epoch();

        /// Returns the watermark at which it happened.
        long offset();
    }

    /// The gate has found a fault, so that no version is published from this one on. The record's reason has the fault.
    ///
    /// @param version the number of updates when it was found
    /// @param published the newest version that is published; -1 if none is
    /// @param examples learned by then
    record Hold(int epoch, long version, long published, long offset, long examples) implements Note {
    }

    /// The gate has published a version after a hold.
    record Publish(int epoch, long version, long offset) implements Note {
    }

    /// The version with which an epoch begins.
    ///
    /// @param version the number of updates
    /// @param weightsHash 64 hex digits, which also depend on the numerics by which the version was learned
    /// @param nextOffset the offset in the log before which the version has learned everything
    record Base(int epoch, long version, String weightsHash, long nextOffset) {
    }

    /// Returns the name of the command that makes this decision, or of what a gate did, in lower case.
    default String word() {
        return getClass().getSimpleName().toLowerCase(Locale.ROOT);
    }

    /// Returns the epoch that this decision begins, or 0 if it begins none.
    default int begins() {
        return switch (this) {
            case Create create -> create.epoch();
            case Rollback rollback -> rollback.epoch();
            default -> 0;
        };
    }
}
