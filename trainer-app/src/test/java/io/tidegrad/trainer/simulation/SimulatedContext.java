package io.tidegrad.trainer.simulation;

import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Properties;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.CommitCallback;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.Punctuator;
import org.apache.kafka.streams.processor.StateRestoreCallback;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.To;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.internals.AbstractProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorNode;
import org.apache.kafka.streams.processor.internals.RecordBatchingStateRestoreCallback;
import org.apache.kafka.streams.processor.internals.RecordCollector;
import org.apache.kafka.streams.processor.internals.StateManager;
import org.apache.kafka.streams.processor.internals.StreamTask;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.state.internals.ThreadCache;
import org.jspecify.annotations.Nullable;

/// A task's context as Kafka Streams 4.3.1 gives it to stores and processors; what they send goes into the transaction
/// of the task's simulated producer. The processor metadata are Streams' own.
@SuppressWarnings({"NullAway", // the superclass takes nulls for what is not used here, and says nothing of them
    "deprecation"})
final class SimulatedContext extends AbstractProcessorContext<Object, Object> {
    /// Where a store's changes and a processor's records go.
    interface Sends {
        void logChange(byte[] key, byte[] value, Headers headers);

        void forward(Record<byte[], byte[]> record, String sink);
    }

    private static final StreamsConfig CONFIG = new StreamsConfig(settings());

    private final SimulatedKafka kafka;
    private final StateStore store;
    private final Sends sends;
    private @Nullable RecordBatchingStateRestoreCallback restoring;
    private boolean commitRequested;
    private @Nullable Punctuator alarm;

    private static Properties settings() {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "127.0.0.1:1");
        return settings;
    }

    SimulatedContext(SimulatedKafka kafka, StateStore store, Sends sends) {
        super(new TaskId(0, 0), CONFIG, null, null);
        this.kafka = kafka;
        this.store = store;
        this.sends = sends;
        setCurrentNode(new ProcessorNode<>("learn"));
    }

    RecordBatchingStateRestoreCallback restoring() {
        return Objects.requireNonNull(restoring, "the store did not register");
    }

    /// Streams' own contexts are of any type, and nobody checks.
    @SuppressWarnings("unchecked")
    ProcessorContext<byte[], byte[]> typed() {
        return (ProcessorContext<byte[], byte[]>) (ProcessorContext<?, ?>) this;
    }

    /// True once for each request.
    boolean takeCommitRequest() {
        boolean requested = commitRequested;
        commitRequested = false;
        return requested;
    }

    @Nullable
    Punctuator alarm() {
        return alarm;
    }

    /// The task is another one from here on; the context stays.
    void recycled() {
        alarm = null;
        commitRequested = false;
    }

    // ---- what our store and processor call ----

    @Override
    public void register(StateStore store, StateRestoreCallback callback) {
        restoring = (RecordBatchingStateRestoreCallback) callback;
    }

    @Override
    public void register(StateStore store, StateRestoreCallback callback, CommitCallback commits) {
        register(store, callback);
    }

    @Override
    public String changelogFor(String storeName) {
        return kafka.changelog.partition().topic();
    }

    @Override
    public void logChange(String storeName, Bytes key, byte[] value, long timestamp, Headers headers,
            Position position) {
        sends.logChange(key.get(), value, headers);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <S extends StateStore> S getStateStore(String name) {
        return (S) store;
    }

    @Override
    @SuppressWarnings("unchecked")
    public <K, V> void forward(Record<K, V> record, String sink) {
        Objects.requireNonNull(currentNode(), "Streams forwards for a node only");
        Objects.requireNonNull(recordContext(), "Streams' sinks need a record context");
        sends.forward((Record<byte[], byte[]>) (Record<?, ?>) record, sink);
    }

    @Override
    public void commit() {
        commitRequested = true;
    }

    @Override
    public Cancellable schedule(Duration interval, PunctuationType type, Punctuator callback) {
        if (alarm != null) {
            throw new IllegalStateException("a second alarm while the first is on");
        }
        alarm = callback;
        return () -> alarm = null;
    }

    // ---- what they don't ----

    private static UnsupportedOperationException unused() {
        return new UnsupportedOperationException("not simulated: nothing of ours called it before");
    }

    @Override
    protected StateManager stateManager() {
        throw unused();
    }

    @Override
    public void transitionToActive(StreamTask task, RecordCollector collector, ThreadCache threadCache) {
        throw unused();
    }

    @Override
    public void transitionToStandby(ThreadCache threadCache) {
        throw unused();
    }

    @Override
    public void registerCacheFlushListener(String namespace, ThreadCache.DirtyEntryFlushListener listener) {
        throw unused();
    }

    @Override
    public <K, V> void forward(K key, V value) {
        throw unused();
    }

    @Override
    public <K, V> void forward(K key, V value, To to) {
        throw unused();
    }

    @Override
    public <K, V> void forward(Record<K, V> record) {
        throw unused();
    }

    @Override
    public <K, V> void forward(FixedKeyRecord<K, V> record) {
        throw unused();
    }

    @Override
    public <K, V> void forward(FixedKeyRecord<K, V> record, String childName) {
        throw unused();
    }

    @Override
    public Cancellable schedule(Instant startTime, Duration interval, PunctuationType type, Punctuator callback) {
        throw unused();
    }

    @Override
    public long currentStreamTimeMs() {
        throw unused();
    }
}
