package io.tidegrad.control;

import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;

/// What a model learns: its spec, its log, and which events of it. With the log's content this decides every bit of the
/// weights. The model learns the events from `startOffset` on, without those that its rollbacks left out. If it has moved to
/// a copy of its log, offsets of what came before the move, `startOffset` among them, are of the log before.
///
/// @param epoch a number that each rollback and each new creation raises
/// @param log the log of record, one partition whose order is the order of learning
/// @param logTopicId the id that the topic had when the model was registered, or moved to it
/// @param startOffset offset of the first event that the model learns
/// @param rollbacks the rollbacks that lead to this epoch, oldest first
public record Lineage(ModelSpec spec, int epoch, TopicPartition log, Uuid logTopicId, long startOffset,
        List<ControlAction.Rollback> rollbacks) {
    public Lineage {
        rollbacks = List.copyOf(rollbacks);
        if (!rollbacks.isEmpty() && rollbacks.getLast().epoch() != epoch) {
            throw new IllegalArgumentException(
                    "expected rollbacks that lead to epoch " + epoch + ", found " + rollbacks);
        }
    }

    /// Makes the lineage of an epoch that no rollback began.
    public Lineage(ModelSpec spec, int epoch, TopicPartition log, Uuid logTopicId, long startOffset) {
        this(spec, epoch, log, logTopicId, startOffset, List.of());
    }

    public String model() {
        return spec.model();
    }

    /// Returns the rollback that began this epoch, or null if none did.
    public ControlAction.@Nullable Rollback origin() {
        return rollbacks.isEmpty() ? null : rollbacks.getLast();
    }

    /// Returns the lineage of the version with which a rollback began this epoch, or null if none did.
    public @Nullable Lineage parent() {
        ControlAction.Rollback origin = origin();
        if (origin == null) {
            return null;
        }
        ControlAction.Move move = origin.move();
        return new Lineage(spec, origin.base().epoch(), log,
                move == null ? logTopicId : Uuid.fromString(move.fromTopicId()), startOffset,
                rollbacks.subList(0, rollbacks.size() - 1));
    }

    /// Returns the newest upgrade that leads to this epoch, or null if none does.
    public ControlAction.@Nullable Rollback upgrade() {
        return rollbacks.reversed().stream().filter(ControlAction.Rollback::isUpgrade).findFirst().orElse(null);
    }

    /// Returns the lineage whose last state the newest upgrade took over, or null if there was no upgrade.
    public @Nullable Lineage takenOver() {
        for (Lineage at = this; at != null; at = at.parent()) {
            ControlAction.Rollback origin = at.origin();
            if (origin != null && origin.isUpgrade()) {
                return at.parent();
            }
        }
        return null;
    }

    /// Returns whether the model has moved to its log from another one.
    public boolean hasMoved() {
        return rollbacks.stream().anyMatch(ControlAction.Rollback::isMove);
    }

    /// Returns the first offset of its log that the model has learned: that of its start, or of its newest move.
    public long firstOfLog() {
        return hasMoved() ? sinceMove().getFirst().resumeOffset() : startOffset;
    }

    /// Returns the first offset from which the model can be learned again: that of its start, or of its newest upgrade,
    /// because what came before has the bits of another build.
    public long firstOffset() {
        ControlAction.Rollback upgrade = upgrade();
        return upgrade == null ? startOffset : upgrade.resumeOffset();
    }

    /// What a lineage has learned before an offset.
    ///
    /// @param lineage the lineage of the epoch that learned it
    /// @param nextOffset the offset before which everything was learned
    public record Moment(Lineage lineage, long nextOffset) {
        /// Returns the newest version that has learned nothing after this moment and nothing that its lineage leaves out,
        /// or nothing if there is none. Those before an upgrade are of another build, so none can be gone back to.
        ///
        /// @param published versions of the model, of any epochs
        public Optional<SnapshotManifest> newestOf(List<SnapshotManifest> published) {
            long limit = nextOffset;
            for (Lineage at = lineage; at != null; at = at.parent()) {
                int epoch = at.epoch();
                long before = limit;
                Optional<SnapshotManifest> newest =
                        published.stream().filter(each -> each.epoch() == epoch && each.nextOffset() <= before)
                                .max(Comparator.comparingLong(SnapshotManifest::nextOffset)
                                        .thenComparingLong(SnapshotManifest::version));
                if (newest.isPresent()) {
                    return newest;
                }
                ControlAction.Rollback origin = at.origin();
                if (origin == null || origin.isUpgrade()) {
                    break;
                }
                limit = Math.min(limit, origin.base().nextOffset());
            }
            return Optional.empty();
        }
    }

    /// Returns what this lineage has learned before an offset. Within what a rollback left out, this is the rollback's base.
    public Moment before(long offset) {
        Lineage at = this;
        long nextOffset = offset;
        for (ControlAction.Rollback rollback : rollbacks.reversed()) {
            // Of an upgrade the base itself counts too: only the new epoch's build can go on with it.
            if (rollback.isMove() || nextOffset > rollback.resumeOffset() - (rollback.isUpgrade() ? 1 : 0)) {
                break;
            }
            nextOffset = Math.min(nextOffset, rollback.base().nextOffset());
            at = Objects.requireNonNull(at.parent(), "each rollback has a base");
        }
        return new Moment(at, nextOffset);
    }

    /// Returns whether this lineage learns the event at `offset`.
    public boolean learns(long offset) {
        return epochOf(offset) > 0;
    }

    /// Returns the epoch that learns the event at `offset`, this one or one that leads to it, or 0 if none does.
    public int epochOf(long offset) {
        List<ControlAction.Rollback> here = sinceMove();
        ControlAction.Rollback first = here.isEmpty() ? null : here.getFirst();
        int learning = first == null ? epoch : first.isMove() ? 0 : first.base().epoch();
        long from = startOffset;
        for (ControlAction.Rollback rollback : here) {
            if (offset < rollback.base().nextOffset()) {
                break;
            }
            learning = rollback.epoch();
            from = rollback.resumeOffset();
        }
        return offset >= from ? learning : 0;
    }

    /// Returns the rollbacks whose offsets are of this log: the newest move and those after it, or all.
    private List<ControlAction.Rollback> sinceMove() {
        int from = rollbacks.size() - 1;
        while (from > 0 && !rollbacks.get(from).isMove()) {
            from--;
        }
        return rollbacks.subList(Math.max(0, from), rollbacks.size());
    }
}
