package io.tidegrad.control;

import io.tidegrad.model.spec.ModelSpec;
import java.util.List;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;

/// One line of learning: which spec learns what of which log. With the log's content this decides every bit of the
/// weights. What is learned are the events from `startOffset` on; after a rollback without those between the base and
/// the offset where learning went on.
///
/// @param epoch raised by rollback or re-creation
/// @param log the log of record: one partition, whose order is the order of learning
/// @param logTopicId of the topic when the model was registered
/// @param startOffset of the first event that may be learned, fixed when the model was registered
/// @param rollbacks that lead to this epoch, oldest first: each begins with a version of the epoch before it
public record Lineage(ModelSpec spec, int epoch, TopicPartition log, Uuid logTopicId, long startOffset,
        List<ControlAction.Rollback> rollbacks) {
    public Lineage {
        rollbacks = List.copyOf(rollbacks);
        if (!rollbacks.isEmpty() && rollbacks.getLast().epoch() != epoch) {
            throw new IllegalArgumentException(
                    "expected rollbacks that lead to epoch " + epoch + ", found " + rollbacks);
        }
    }

    /// That began from nothing.
    public Lineage(ModelSpec spec, int epoch, TopicPartition log, Uuid logTopicId, long startOffset) {
        this(spec, epoch, log, logTopicId, startOffset, List.of());
    }

    public String model() {
        return spec.model();
    }

    /// What this epoch began with; null when it began from nothing.
    public ControlAction.@Nullable Rollback origin() {
        return rollbacks.isEmpty() ? null : rollbacks.getLast();
    }

    /// The lineage of the version that this epoch began with; null when it began from nothing.
    public @Nullable Lineage parent() {
        ControlAction.Rollback origin = origin();
        return origin == null ? null : new Lineage(spec, origin.base().epoch(), log, logTopicId, startOffset,
                rollbacks.subList(0, rollbacks.size() - 1));
    }

    /// Whether the event at `offset` is learned, or will be.
    public boolean learns(long offset) {
        return epochOf(offset) > 0;
    }

    /// The epoch in which the event at `offset` is learned, this one or one that it comes from; 0 when none learns it.
    public int epochOf(long offset) {
        int learning = rollbacks.isEmpty() ? epoch : rollbacks.getFirst().base().epoch();
        long from = startOffset;
        for (ControlAction.Rollback rollback : rollbacks) {
            if (offset < rollback.base().nextOffset()) {
                break;
            }
            learning = rollback.epoch();
            from = rollback.resumeOffset();
        }
        return offset >= from ? learning : 0;
    }
}
