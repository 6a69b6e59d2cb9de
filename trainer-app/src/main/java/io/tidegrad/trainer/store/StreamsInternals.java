package io.tidegrad.trainer.store;

import java.util.Map;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorMetadata;
import org.apache.kafka.streams.processor.internals.ProcessorNode;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;
import org.apache.kafka.streams.processor.internals.RecordBatchingStateRestoreCallback;
import org.apache.kafka.streams.processor.internals.TopicPartitionMetadata;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;
import org.jspecify.annotations.Nullable;

/// A state store that is asked, inside the task's transaction and just before each commit, to write down what has
/// changed. The one class of ours that touches internals of Kafka Streams; what it needs of them, found in 4.3.1:
///
/// - `CachedStateStore.flushCache()` is called by `StreamTask.prepareCommit` before the producer is flushed and the
///   offsets join the transaction. It is the only hook there: under exactly-once v2, `StreamTask.postCommit` does *not*
///   call `StateStore.commit` on a running task, so a store that writes its changelog there writes nothing at all and
///   loses its content without an error.
/// - `InternalProcessorContext.logChange` writes to the store's changelog with the task's producer; there is no public
///   call that does.
/// - `InternalProcessorContext.addProcessorMetadataKeyValue` puts a number beside the offset in the group's commit:
///   same transaction, read back in `Processor.init` (it is not there yet in `StateStore.init`).
/// - `RecordBatchingStateRestoreCallback` gives the changelog's records with their offsets, the public one without.
/// - Forwarding needs a current node and a record context, as Streams' own caching stores set them when they flush.
///
/// `docs/decisions/` names the tests that tell when a later version changes one of these.
abstract class StreamsInternals implements StateStore, CachedStateStore<byte[], byte[]> {
    private final String name;
    private final TrainerClock clock;
    private @Nullable InternalProcessorContext<?, ?> context;
    private @Nullable ProcessorNode<?, ?, ?, ?> node;
    private boolean open;

    StreamsInternals(String name, TrainerClock clock) {
        this.name = name;
        this.clock = clock;
    }

    /// What the time is for everything that works on this store.
    public final TrainerClock clock() {
        return clock;
    }

    /// Forget everything: called at each `init`, which may come several times in a process's life (a scan of the state
    /// directory at start, a task that comes back).
    protected abstract void reset();

    /// One record of the changelog, oldest first; only committed ones come.
    protected abstract void restore(ConsumerRecord<byte[], byte[]> record);

    /// Inside the transaction, before the offsets are added to it. Also called when nothing has changed.
    protected abstract void beforeCommit();

    @Override
    public final void init(StateStoreContext stateStoreContext, StateStore root) {
        context = (InternalProcessorContext<?, ?>) stateStoreContext;
        node = null;
        open = true;
        reset();
        // With offsets, so that a damaged record can be named.
        RecordBatchingStateRestoreCallback restore = records -> records.forEach(this::restore);
        stateStoreContext.register(root, restore);
    }

    /// From `Processor.init` of the one processor that uses this store: the node that `asProcessor` speaks for.
    protected final void bindToCurrentNode() {
        node = context().currentNode();
    }

    @Override
    public void flushCache() {
        beforeCommit();
    }

    /// Into the changelog, in the task's transaction. The timestamp is the wall clock: retention must not look at event
    /// times of years ago.
    public final void log(byte[] key, byte[] value) {
        context().logChange(name, Bytes.wrap(key), value, clock.epochMillis(), new RecordHeaders(),
                Position.emptyPosition());
    }

    /// Commits together with the offsets from now on, until another value is put.
    protected final void putBesideOffset(String key, long value) {
        context().addProcessorMetadataKeyValue(key, value);
    }

    /// What the last commit of this task's group put beside its offset; null when there is none. From `Processor.init`
    /// on only.
    protected final @Nullable Long besideOffset(String key) {
        return context().processorMetadataForKey(key);
    }

    protected final String changelogTopic() {
        return context().changelogFor(name);
    }

    /// The consumer group whose offset commits with this store.
    protected final String group() {
        return context().applicationId();
    }

    /// Runs `body`, which may forward and schedule, as if the processor had been called. On the stream thread.
    public final void asProcessor(Runnable body) {
        InternalProcessorContext<?, ?> context = context();
        ProcessorNode<?, ?, ?, ?> previousNode = context.currentNode();
        ProcessorRecordContext previousRecord = context.recordContext();
        context.setCurrentNode(Objects.requireNonNull(node, "bindToCurrentNode comes first"));
        context.setRecordContext(new ProcessorRecordContext(clock.epochMillis(), -1, -1, null, new RecordHeaders()));
        try {
            body.run();
        } finally {
            context.setRecordContext(previousRecord);
            context.setCurrentNode(previousNode);
        }
    }

    /// The metadata string Streams would commit beside an offset: for seeding a group's offsets.
    static String encodeBesideOffset(Map<String, Long> values) {
        ProcessorMetadata metadata = new ProcessorMetadata();
        values.forEach(metadata::put);
        return new TopicPartitionMetadata(-1, metadata).encode();
    }

    /// Null when `metadata` holds no such key, or is not Streams' at all.
    static @Nullable Long decodeBesideOffset(String metadata, String key) {
        return TopicPartitionMetadata.decode(metadata).processorMetadata().get(key);
    }

    private InternalProcessorContext<?, ?> context() {
        return Objects.requireNonNull(context, "init comes first");
    }

    @Override
    public final String name() {
        return name;
    }

    /// True although there is no file: with a persistent store Streams keeps its process id, and with it the
    /// transactional id, in the state directory. A random one would leave a killed trainer's transaction open until its
    /// timeout: 12-18 seconds to restart instead of 2.
    @Override
    public final boolean persistent() {
        return true;
    }

    /// True, with `committedOffset` null: nothing local is trusted, every start restores from the changelog.
    @Override
    @Deprecated
    public final boolean managesOffsets() {
        return true;
    }

    @Override
    public final boolean isOpen() {
        return open;
    }

    @Override
    public final void close() {
        open = false;
        closed();
    }

    /// A closed store may lie around for long.
    protected abstract void closed();

    @Override
    public final boolean setFlushListener(@Nullable CacheFlushListener<byte[], byte[]> listener,
            boolean sendOldValues) {
        return false;
    }

    @Override
    public final void clearCache() {}
}
