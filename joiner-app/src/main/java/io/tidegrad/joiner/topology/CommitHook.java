package io.tidegrad.joiner.topology;

import java.util.Map;
import java.util.Objects;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorMetadata;
import org.apache.kafka.streams.processor.internals.ProcessorNode;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;
import org.apache.kafka.streams.processor.internals.TopicPartitionMetadata;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;
import org.jspecify.annotations.Nullable;

/// A state store without content. It lets a processor do something before each commit, inside of the task's transaction, and
/// commit times beside the offsets. No other class of the joiner uses internals of Kafka Streams. This one
/// relies on the following behaviour of version 4.3.1:
///
/// - `CachedStateStore.flushCache()` is called by `StreamTask.prepareCommit` before the producer is flushed and the
///   offsets join the transaction, and no other hook is.
/// - `InternalProcessorContext.addProcessorMetadataKeyValue` commits a number beside the group's offsets, in the same
///   transaction. It can be read in `Processor.init`.
/// - `InternalProcessorContext.logChange` writes a record to the changelog of a store.
/// - Forwarding needs a current node and a record context. Streams' own caching stores set them when they flush.
final class CommitHook implements StateStore, CachedStateStore<byte[], byte[]> {
    /// Names of the store of the tasks that join, and of that of the tasks that only read.
    static final String OF_JOIN = "commit-hook";

    static final String OF_KEYS = "key-commit-hook";

    private static final String TIME = "time";
    private static final String SWEPT = "swept";
    private static final String NEXT = "next-";

    /// The position for queries, which nobody makes.
    private static final Position NOWHERE = Position.emptyPosition();

    private final String name;
    private @Nullable InternalProcessorContext<?, ?> context;
    private @Nullable ProcessorNode<?, ?, ?, ?> node;
    private @Nullable Runnable beforeCommit;
    private boolean open;

    private CommitHook(String name) {
        this.name = name;
    }

    static StoreBuilder<CommitHook> builder(String name) {
        return new UncachedStore<>(name, false, Map.of(), () -> new CommitHook(name));
    }

    @Override
    public void init(StateStoreContext stateStoreContext, StateStore root) {
        context = (InternalProcessorContext<?, ?>) stateStoreContext;
        open = true;
        stateStoreContext.register(root, (key, value) -> {
            throw new IllegalStateException("a store without a changelog is not restored");
        });
    }

    /// Called in `Processor.init` of the one processor that has this store.
    ///
    /// @param beforeCommit may forward as in a call of the processor
    void bind(Runnable beforeCommit) {
        node = context().currentNode();
        this.beforeCommit = beforeCommit;
    }

    /// Returns the time of the last commit; null before the first one.
    @Nullable
    Long committedTime() {
        return context().processorMetadataForKey(TIME);
    }

    /// Commits the task's time with its offsets from now on.
    ///
    /// @param swept everything that was over by this time was written
    void time(long time, long swept) {
        context().addProcessorMetadataKeyValue(TIME, time);
        context().addProcessorMetadataKeyValue(SWEPT, swept);
    }

    /// Writes to the changelog of a store.
    ///
    /// @param value null: the key was deleted
    @SuppressWarnings("NullAway") // Kafka Streams does not say that it may be null
    static void log(StateStoreContext context, String store, Bytes key, byte @Nullable [] value) {
        InternalProcessorContext<?, ?> to = (InternalProcessorContext<?, ?>) context;
        to.logChange(store, key, value, to.recordContext().timestamp(), new RecordHeaders(), NOWHERE);
    }

    /// Returns the task's time that was committed beside an offset; null if there is none.
    static @Nullable Long time(String metadata) {
        return TopicPartitionMetadata.decode(metadata).processorMetadata().get(TIME);
    }

    /// Commits the time of the next record of a partition with the offsets of its task from now on.
    ///
    /// @param side of events or labels: a task may have a partition of each
    static void next(ProcessorContext<?, ?> context, String side, long time) {
        ((InternalProcessorContext<?, ?>) context).addProcessorMetadataKeyValue(NEXT + side, time);
    }

    /// Commits that there is no next record. Streams commits offsets of partitions of which this process has taken no record
    /// only if there is a number to commit.
    static void drained(ProcessorContext<?, ?> context, String side) {
        next(context, side, Long.MIN_VALUE);
    }

    /// Returns the time of the next record, so far as its reader had it; null if there is none.
    static @Nullable Long next(String metadata, String side) {
        Long next = TopicPartitionMetadata.decode(metadata).processorMetadata().get(NEXT + side);
        return next == null || next == Long.MIN_VALUE ? null : next;
    }

    /// Returns the largest time of a partition's records that were processed; null if there is none.
    static @Nullable Long partitionTime(String metadata) {
        long time = TopicPartitionMetadata.decode(metadata).partitionTime();
        return time < 0 ? null : time;
    }

    /// Returns the time by which all that was over is written; null if there is none.
    static @Nullable Long swept(String metadata) {
        return TopicPartitionMetadata.decode(metadata).processorMetadata().get(SWEPT);
    }

    /// Returns what Streams commits beside an offset.
    static String metadata(@Nullable Long time, long partitionTime) {
        ProcessorMetadata metadata = new ProcessorMetadata();
        if (time != null) {
            metadata.put(TIME, time);
            metadata.put(SWEPT, time - 1_000);
        }
        return new TopicPartitionMetadata(partitionTime, metadata).encode();
    }

    @Override
    public void flushCache() {
        Runnable bound = beforeCommit;
        if (bound == null) {
            return;
        }
        InternalProcessorContext<?, ?> context = context();
        ProcessorNode<?, ?, ?, ?> previousNode = context.currentNode();
        ProcessorRecordContext previousRecord = context.recordContext();
        context.setCurrentNode(Objects.requireNonNull(node, "bind comes first"));
        context.setRecordContext(
                new ProcessorRecordContext(context.currentSystemTimeMs(), -1, -1, null, new RecordHeaders()));
        try {
            bound.run();
        } finally {
            context.setRecordContext(previousRecord);
            context.setCurrentNode(previousNode);
        }
    }

    private InternalProcessorContext<?, ?> context() {
        return Objects.requireNonNull(context, "init comes first");
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public boolean persistent() {
        return false;
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    @Override
    public void close() {
        open = false;
        beforeCommit = null;
    }

    @Override
    public boolean setFlushListener(@Nullable CacheFlushListener<byte[], byte[]> listener, boolean sendOldValues) {
        return false;
    }

    @Override
    public void clearCache() {}
}
