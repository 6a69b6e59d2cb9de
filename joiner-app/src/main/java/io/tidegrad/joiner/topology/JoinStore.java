package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.Entry;
import io.tidegrad.joiner.join.Entry.Emitted;
import io.tidegrad.joiner.join.EntryCodec;
import io.tidegrad.joiner.join.LabelJoin;
import io.tidegrad.joiner.join.TimeIndexKey;
import io.tidegrad.schemas.Topics;
import java.io.File;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsMetrics;
import org.apache.kafka.streams.processor.BatchingStateRestoreCallback;
import org.apache.kafka.streams.processor.CommitCallback;
import org.apache.kafka.streams.processor.StateRestoreCallback;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.jspecify.annotations.Nullable;

/// The entries of a task in RocksDB, which a changelog backs up, and beside them a time index that is not logged. The
/// index has a **hint** for each entry that something will become of: when to look at it. A hint may be there for an
/// entry that does not wait for that time any more; whoever finds such a hint drops it.
///
/// What was written last is held on the heap, where a label that comes within seconds finds its event, and goes to
/// RocksDB in batches. `log` writes it to the changelog before each commit, in the task's transaction: once, however often
/// an id changed since the last one.
///
/// **No entry that waits is without its hint**, or its event would wait for ever:
///
/// - Whenever an entry that waits goes to RocksDB, its hint goes before it. It makes no difference whether the entry was
///   held or restored, for an active task or for a standby.
/// - A hint is taken away only when its entry does not wait for that time any more, and that is in the changelog when the
///   transaction is committed.
/// - Each of the two stores keeps the changelog's offset up to which it has everything that the changelog does not say again
///   later, and gets it after that. Restoring begins at the smaller one, and from the beginning if one of them has none.
/// - Each is a store of Kafka Streams that tells whether it was closed. With exactly-once, Streams deletes both and
///   restores them if one was not, so that neither is taken on with writes of a transaction that was aborted.
///
/// It relies on this of Kafka Streams 4.3.1, beyond what its interfaces promise: what is restored comes to the callback in
/// the order of the changelog.
final class JoinStore implements StateStore {
    static final String ENTRIES = Topics.ENTRIES_STORE;
    static final String INDEX = "due";

    /// When nothing will become of an entry by itself.
    static final long NEVER = Long.MAX_VALUE;

    private static final byte[] NOTHING = {};

    /// Of the heap, the part that all stores of a process hold together.
    private static final int HELD_PART = 32;

    /// The least and the most bytes that one of them holds: a hundred stores do no harm, and a million entries need no room.
    private static final long HELD_BYTES_MIN = 256 << 10;
    private static final long HELD_BYTES_MAX = 16 << 20;

    /// Stores of this process that are open.
    private static final AtomicInteger OPEN = new AtomicInteger();

    /// About what an id takes on the heap, with the maps, besides the bytes of id and entry.
    private static final int HELD_BYTES_EACH = 200;

    /// What changed last goes to RocksDB, and into its metrics, after twice that time at most.
    private static final Duration HELD_MAX = Duration.ofSeconds(5);

    private final String stream;
    private final LabelJoin join;
    private final KeyValueStore<Bytes, byte[]> entries = Stores.persistentKeyValueStore(ENTRIES).get();
    private final KeyValueStore<Bytes, byte[]> index = Stores.persistentKeyValueStore(INDEX).get();
    private @Nullable StateStoreContext context;

    /// What changed last and is not in RocksDB, and what changed before it and not since. When there is too much of the one,
    /// the other is written and makes room for it. Of an event whose label comes within seconds RocksDB sees one write in
    /// place of four, and no reading.
    private Map<Bytes, Held> young = new HashMap<>();
    private Map<Bytes, Held> old = new HashMap<>();

    private final List<Held> unlogged = new ArrayList<>(); // of both
    private long youngBytes;
    private long youngBytesMax;

    /// No entry that is held waits for an earlier time.
    private long heldFrom = NEVER;

    private long writtenAt; // nanoseconds
    private Map<TopicPartition, Long> offsets = Map.of(); // of the last commit
    private Map<TopicPartition, Long> offsetsOfOld = Map.of(); // what was logged before is in `old` or RocksDB, if it holds
    private boolean isCounted; // among those that are open

    /// The index has no hint before this time. RocksDB passes what was deleted each time when it looks for the next key, and
    /// that can be all hints of the last `wait`.
    private long head = Long.MIN_VALUE;

    private static final class Held {
        final Bytes id;
        byte @Nullable [] entry; // null: it is deleted
        long due; // when something will become of it by itself
        boolean isLogged = true;

        Held(Bytes id) {
            this.id = id;
        }
    }

    JoinStore(String stream, LabelJoin join) {
        this.stream = stream;
        this.join = join;
    }

    /// @param log settings of the changelog
    static StoreBuilder<JoinStore> builder(String stream, LabelJoin join, Map<String, String> log) {
        return new UncachedStore<>(ENTRIES, true, log, () -> new JoinStore(stream, join));
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        this.context = context;
        release(); // a task that lost its transaction begins anew with the same store
        head = Long.MIN_VALUE;
        offsets = Map.of();
        offsetsOfOld = Map.of();
        writtenAt = System.nanoTime();
        // Entries come first: from then on Streams closes both, also if the index can't be opened.
        entries.init(new Inner(context, this::restore), root);
        index.init(new Inner(context, null), root);
        if (!isCounted) { // now Streams will close it
            isCounted = true;
            OPEN.incrementAndGet();
        }
        youngBytesMax = youngBytesMax();
    }

    @Nullable
    Entry get(byte[] id) {
        Bytes key = Bytes.wrap(id);
        Held of = held(key);
        byte[] entry = of == null ? entries.get(key) : of.entry;
        return entry == null ? null : EntryCodec.decode(entry, stream);
    }

    private @Nullable Held held(Bytes id) {
        Held of = young.get(id);
        return of == null ? old.get(id) : of;
    }

    /// @param before what `get` returned
    void put(byte[] id, @Nullable Entry before, @Nullable Entry after) {
        Bytes key = Bytes.wrap(id);
        long due = due(after);
        Held of = young.get(key);
        if (of == null) {
            of = old.remove(key);
            if (of == null) {
                long dueBefore = due(before);
                if (dueBefore != NEVER && due != dueBefore) {
                    drop(TimeIndexKey.of(dueBefore, id));
                }
                of = new Held(key);
            }
            young.put(key, of);
            youngBytes += HELD_BYTES_EACH + id.length;
        } else {
            youngBytes -= bytes(of.entry);
        }
        of.entry = after == null ? null : EntryCodec.encode(after);
        of.due = due;
        youngBytes += bytes(of.entry);
        if (of.isLogged) {
            of.isLogged = false;
            unlogged.add(of);
        }
        heldFrom = Math.min(heldFrom, due);
        if (youngBytes > youngBytesMax) {
            turn();
        }
    }

    private static long youngBytesMax() {
        long share = Runtime.getRuntime().maxMemory() / HELD_PART / Math.max(1, OPEN.get());
        return Math.clamp(share, HELD_BYTES_MIN, HELD_BYTES_MAX) / 2;
    }

    private static int bytes(byte @Nullable [] bytes) {
        return bytes == null ? 0 : bytes.length;
    }

    /// Writes to the changelog what changed since the last call, before a commit.
    void log() {
        for (Held of : unlogged) {
            log(of.id, of.entry);
            of.isLogged = true;
        }
        unlogged.clear();
    }

    /// Writes what has not changed lately to RocksDB.
    private void turn() {
        write(old);
        Map<Bytes, Held> empty = old;
        old = young;
        young = empty;
        youngBytes = 0;
        youngBytesMax = youngBytesMax();
        tell(offsetsOfOld);
        offsetsOfOld = offsets;
    }

    /// Writes all that is held to RocksDB.
    private void write() {
        write(old);
        write(young);
        release();
        tell(offsets);
        offsetsOfOld = offsets;
    }

    private void write(Map<Bytes, Held> held) {
        writtenAt = System.nanoTime();
        if (held.isEmpty()) {
            return;
        }
        log(); // first: what RocksDB has is in the transaction
        List<KeyValue<Bytes, byte[]>> hints = new ArrayList<>();
        List<KeyValue<Bytes, byte[]>> written = new ArrayList<>(held.size());
        held.forEach((id, of) -> add(id, of.entry, of.due, written, hints));
        index.putAll(hints);
        entries.putAll(written);
        held.clear();
    }

    private void release() {
        young.clear();
        old.clear();
        unlogged.clear();
        youngBytes = 0;
        heldFrom = NEVER;
    }

    private void tell(Map<TopicPartition, Long> offsets) {
        if (!offsets.isEmpty()) {
            index.commit(offsets);
            entries.commit(offsets);
        }
    }

    @SuppressWarnings("NullAway") // the value may be null: it is then deleted
    private void add(Bytes id, byte @Nullable [] entry, long due, List<KeyValue<Bytes, byte[]>> written,
            List<KeyValue<Bytes, byte[]>> hints) {
        if (due != NEVER) {
            hints.add(KeyValue.pair(hint(due, id.get()), NOTHING));
        }
        written.add(KeyValue.pair(id, entry));
    }

    private Bytes hint(long due, byte[] id) {
        head = Math.min(head, due);
        return Bytes.wrap(TimeIndexKey.of(due, id));
    }

    /// Returns when something will become of the entry by itself, or `NEVER`.
    long due(@Nullable Entry entry) {
        return entry == null || entry instanceof Emitted ? NEVER : join.wakeAt(entry);
    }

    /// Forgets an id of which RocksDB has an entry that waits for nothing.
    void forget(Bytes id) {
        if (held(id) == null) { // else it began anew
            set(entries, id, null);
            log(id, null);
        }
    }

    /// Writes without reading what was there, which `delete` returns.
    @SuppressWarnings("NullAway") // the value may be null: it is then deleted
    private static void set(KeyValueStore<Bytes, byte[]> store, Bytes key, byte @Nullable [] value) {
        store.put(key, value);
    }

    private void log(Bytes id, byte @Nullable [] value) {
        CommitHook.log(Objects.requireNonNull(context, "init comes first"), ENTRIES, id, value);
    }

    /// Returns all entries from an id on that are in RocksDB.
    KeyValueIterator<Bytes, byte[]> entries(@Nullable Bytes from) {
        return entries.range(from, null);
    }

    /// Returns the time before which nothing is due.
    long head() {
        return Math.min(head, heldFrom);
    }

    /// Returns the first hints before a time, in their order, at most `max`. They are not looked for again: each is to be
    /// given to `waiting`, and its entry to be replaced.
    List<byte[]> due(long before, int max) {
        List<byte[]> due = new ArrayList<>();
        long next = NEVER;
        try (KeyValueIterator<Bytes, byte[]> hints = hints()) {
            while (next == NEVER && hints.hasNext()) {
                byte[] hint = hints.next().key.get();
                long time = TimeIndexKey.time(hint);
                if (time < before && due.size() < max) {
                    due.add(hint);
                } else {
                    next = time;
                }
            }
        }
        head = next;
        long end = Math.min(before, next);
        if (heldFrom < end) {
            long[] from = {NEVER};
            eachHeld(of -> {
                if (of.due < end) {
                    due.add(TimeIndexKey.of(of.due, of.id.get()));
                } else {
                    from[0] = Math.min(from[0], of.due);
                }
            });
            heldFrom = from[0];
            due.sort(Arrays::compareUnsigned);
        }
        if (due.size() > max) {
            long left = TimeIndexKey.time(due.get(max));
            head = Math.min(head, left);
            heldFrom = Math.min(heldFrom, left);
            return due.subList(0, max);
        }
        return due;
    }

    private void eachHeld(Consumer<Held> to) {
        young.values().forEach(to);
        old.values().forEach(to);
    }

    private KeyValueIterator<Bytes, byte[]> hints() {
        return index.range(Bytes.wrap(TimeIndexKey.of(head, NOTHING)), null);
    }

    /// Returns the entry that waits for a hint's time. If there is none, the hint is dropped.
    @Nullable
    Entry waiting(byte[] hint) {
        Entry entry = get(TimeIndexKey.id(hint));
        if (due(entry) == TimeIndexKey.time(hint)) {
            return entry;
        }
        drop(hint);
        return null;
    }

    private void drop(byte[] hint) {
        set(index, Bytes.wrap(hint), null);
    }

    /// Returns the entry whose time comes first, and drops the hints before its own. Of these it looks at `max`; null if
    /// no entry waits for one of them.
    @Nullable
    Entry first(int max) {
        if (System.nanoTime() - writtenAt > HELD_MAX.toNanos()) { // Streams calls commit of no active task
            turn();
        }
        List<byte[]> passed = new ArrayList<>();
        Entry first = null;
        long next = NEVER;
        try (KeyValueIterator<Bytes, byte[]> hints = hints()) {
            while (next == NEVER && hints.hasNext()) {
                byte[] hint = hints.next().key.get();
                long time = TimeIndexKey.time(hint);
                first = passed.size() < max ? get(TimeIndexKey.id(hint)) : null;
                if (first != null && due(first) == time || passed.size() == max) {
                    next = time;
                } else {
                    passed.add(hint);
                }
            }
        }
        head = next;
        passed.forEach(this::drop);
        Held firstHeld = null;
        for (Map<Bytes, Held> held : List.of(young, old)) {
            for (Held each : held.values()) {
                if (each.due < next) {
                    next = each.due;
                    firstHeld = each;
                }
            }
        }
        return firstHeld != null ? get(firstHeld.id.get()) : next == NEVER ? null : first;
    }

    /// Writes what the changelog has, and a hint for each entry of it that waits. Whoever restores can't take hints away
    /// when an entry is replaced, for the changelog does not say what was there. So it drops those at the head of which
    /// nothing waits any more, at most as many as it may have written: the index of a standby holds the hints of one `wait`
    /// at most.
    private void restore(Collection<KeyValue<byte[], byte[]>> log) {
        write(); // of the time when the task was active
        List<KeyValue<Bytes, byte[]>> hints = new ArrayList<>();
        List<KeyValue<Bytes, byte[]>> restored = new ArrayList<>(log.size());
        for (KeyValue<byte[], byte[]> each : log) {
            byte @Nullable [] entry = each.value;
            boolean waits = entry != null && !EntryCodec.isEmitted(entry);
            add(Bytes.wrap(each.key), entry, waits ? join.wakeAt(EntryCodec.decode(each.value, stream)) : NEVER,
                    restored, hints);
        }
        index.putAll(hints);
        entries.putAll(restored);
        first(log.size());
    }

    /// What is held goes to RocksDB later, and the offset with it.
    @Override
    public void commit(Map<TopicPartition, Long> changelogOffsets) {
        offsets = new HashMap<>(changelogOffsets);
        if (young.isEmpty() && old.isEmpty()) {
            write();
        }
        if (changelogOffsets.isEmpty()) { // they are to be forgotten
            index.commit(changelogOffsets);
            entries.commit(changelogOffsets);
        }
    }

    @Override
    public @Nullable Long committedOffset(TopicPartition partition) {
        Long ofIndex = index.committedOffset(partition);
        Long ofEntries = entries.committedOffset(partition);
        return ofIndex == null || ofEntries == null ? null : Long.valueOf(Math.min(ofIndex, ofEntries));
    }

    @Override
    @SuppressWarnings("deprecation") // true of all stores in the future
    public boolean managesOffsets() {
        return true;
    }

    @Override
    public String name() {
        return ENTRIES;
    }

    @Override
    public boolean persistent() {
        return true;
    }

    @Override
    public boolean isOpen() {
        return entries.isOpen() && index.isOpen();
    }

    @Override
    public void close() {
        try {
            if (isOpen() && unlogged.isEmpty()) { // else what is held is in no transaction, and Streams deletes what is here
                write();
            }
        } finally {
            release();
            if (isCounted) {
                isCounted = false;
                OPEN.decrementAndGet();
            }
            try {
                index.close();
            } finally {
                entries.close();
            }
        }
    }

    /// What an inner store sees of its task. Only the entries are registered, with a way to restore them.
    private record Inner(StateStoreContext task,
            @Nullable BatchingStateRestoreCallback restore) implements StateStoreContext {
        @Override
        public void register(StateStore store, StateRestoreCallback own) {
            throw new UnsupportedOperationException("stores of RocksDB have something to do at a commit");
        }

        @Override
        public void register(StateStore store, StateRestoreCallback own, CommitCallback commit) {
            if (restore != null) {
                task.register(store, restore, commit);
            }
        }

        @Override
        public String applicationId() {
            return task.applicationId();
        }

        @Override
        public TaskId taskId() {
            return task.taskId();
        }

        /// Nothing: it would be kept as the store's position for queries, which nobody makes.
        @Override
        public Optional<RecordMetadata> recordMetadata() {
            return Optional.empty();
        }

        @Override
        public Serde<?> keySerde() {
            return task.keySerde();
        }

        @Override
        public Serde<?> valueSerde() {
            return task.valueSerde();
        }

        @Override
        public File stateDir() {
            return task.stateDir();
        }

        @Override
        public StreamsMetrics metrics() {
            return task.metrics();
        }

        @Override
        public Map<String, Object> appConfigs() {
            return task.appConfigs();
        }

        @Override
        public Map<String, Object> appConfigsWithPrefix(String prefix) {
            return task.appConfigsWithPrefix(prefix);
        }
    }
}
