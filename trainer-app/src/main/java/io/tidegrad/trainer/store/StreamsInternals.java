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

/// A state store that writes down what has changed inside of the task's transaction, just before each commit. No other
/// class uses internals of Kafka Streams. This one relies on the following behaviour of version 4.3.1:
///
/// - `CachedStateStore.flushCache()` is called by `StreamTask.prepareCommit` before the producer is flushed and the
///   offsets join the transaction, and no other hook is. Under exactly-once v2, `StreamTask.postCommit` does *not* call
///   `StateStore.commit` on a running task, so a store that writes its changelog there loses its content without an
///   error.
/// - `InternalProcessorContext.logChange` writes to the store's changelog with the task's producer. No public call does.
/// - `InternalProcessorContext.addProcessorMetadataKeyValue` commits a number beside the group's offset, in the same
///   transaction. It can be read in `Processor.init`, but not yet in `StateStore.init`.
/// - `RecordBatchingStateRestoreCallback` gives the changelog's records with their offsets; the public one does not.
/// - Forwarding needs a current node and a record context. Streams' own caching stores set them when they flush.
///
/// `docs/decisions/` names the tests that fail if a later version changes one of these.
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

    /// Returns the clock of everything that works on this store.
    public final TrainerClock clock() {
        return clock;
    }

    /// Forgets everything. This is called at each `init`, which may come several times in a process's life: at the scan
    /// of the state directory, or when a task comes back.
    protected abstract void reset();

    /// Takes the next committed record of the changelog.
    protected abstract void restore(ConsumerRecord<byte[], byte[]> record);

    /// Called inside of the transaction before the offsets join it, also if nothing has changed.
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

    /// Notes the node for which `asProcessor` speaks. `Processor.init` of the one processor that uses this store calls
    /// this.
    protected final void bindToCurrentNode() {
        node = context().currentNode();
    }

    @Override
    public void flushCache() {
        beforeCommit();
    }

    /// Writes to the changelog in the task's transaction. The timestamp is the wall clock, because retention must not
    /// see event times of years ago.
    public final void log(byte[] key, byte[] value) {
        context().logChange(name, Bytes.wrap(key), value, clock.epochMillis(), new RecordHeaders(),
                Position.emptyPosition());
    }

    /// Commits this number beside the offset from now on, until another one is put.
    protected final void putBesideOffset(String key, long value) {
        context().addProcessorMetadataKeyValue(key, value);
    }

    /// Returns what the last commit put beside the offset, or null if there is nothing. Only from `Processor.init` on.
    protected final @Nullable Long besideOffset(String key) {
        return context().processorMetadataForKey(key);
    }

    protected final String changelogTopic() {
        return context().changelogFor(name);
    }

    /// Returns the consumer group whose offset commits with this store.
    protected final String group() {
        return context().applicationId();
    }

    /// Runs `body`, which may forward and schedule as in a call of the processor. For the stream thread.
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

    /// Returns the metadata that Streams would commit beside an offset.
    static String encodeBesideOffset(Map<String, Long> values) {
        ProcessorMetadata metadata = new ProcessorMetadata();
        values.forEach(metadata::put);
        return new TopicPartitionMetadata(-1, metadata).encode();
    }

    /// Returns null if `metadata` holds no such key or is not from Streams.
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

    /// Returns true although there is no file, because only then Streams keeps its process id, and with it the
    /// transactional id, in the state directory. With a random id the transaction of a killed trainer would stay open
    /// until its timeout, and a restart would take 12 to 18 seconds instead of 2.
    @Override
    public final boolean persistent() {
        return true;
    }

    /// Returns true while `committedOffset` is null, so that every start restores from the changelog.
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

    /// Called when the store is closed. Streams may keep the object for long.
    protected abstract void closed();

    @Override
    public final boolean setFlushListener(@Nullable CacheFlushListener<byte[], byte[]> listener,
            boolean sendOldValues) {
        return false;
    }

    @Override
    public final void clearCache() {}
}
