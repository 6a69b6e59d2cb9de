package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.Entry;
import io.tidegrad.joiner.join.Entry.Emitted;
import io.tidegrad.joiner.join.EntryCodec;
import io.tidegrad.joiner.join.LabelJoin;
import io.tidegrad.joiner.join.TimeIndexKey;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.jspecify.annotations.Nullable;

/// What a task remembers: an entry for each id, and a time index of the entries that something will become of. An event
/// that waits no more is not in the index, because nothing is written when it is forgotten: it takes no part in the join
/// after its window anyway, so it may be deleted at any time after that. `clean` comes by all entries in turn.
final class JoinState {
    static final String ENTRIES = "entries";
    static final String INDEX = "due";
    private static final byte[] NOTHING = {};

    private final String stream;
    private final LabelJoin join;
    private final KeyValueStore<Bytes, byte[]> entries;
    private final KeyValueStore<Bytes, byte[]> index;

    /// Nothing in the index is due before `now` is larger than this.
    private long nextDue = Long.MIN_VALUE;

    /// The index has nothing before this time; what was deleted there need not be passed again.
    private long sweptTo = Long.MIN_VALUE;

    private @Nullable Bytes cleanedTo;

    /// The least base that this pass has left, and the one before: nothing is forgotten before that one is.
    private long leastBase = Long.MAX_VALUE;
    private long leastBaseBefore = Long.MIN_VALUE;

    JoinState(String stream, LabelJoin join, KeyValueStore<Bytes, byte[]> entries, KeyValueStore<Bytes, byte[]> index) {
        this.stream = stream;
        this.join = join;
        this.entries = entries;
        this.index = index;
    }

    @Nullable
    Entry get(byte[] id) {
        byte[] bytes = entries.get(Bytes.wrap(id));
        return bytes == null ? null : EntryCodec.decode(bytes, stream);
    }

    /// @param before what `get` returned
    void put(byte[] id, @Nullable Entry before, @Nullable Entry after) {
        if (before == after) {
            return;
        }
        Bytes key = Bytes.wrap(id);
        if (after == null) {
            delete(entries, key);
        } else {
            entries.put(key, EntryCodec.encode(after));
        }
        long old = due(before);
        long due = due(after);
        if (old == due) {
            return;
        }
        if (old != Long.MAX_VALUE) {
            delete(index, Bytes.wrap(TimeIndexKey.of(old, id)));
        }
        if (due != Long.MAX_VALUE) {
            index.put(Bytes.wrap(TimeIndexKey.of(due, id)), NOTHING);
            nextDue = Math.min(nextDue, due);
        }
    }

    /// Deletes without reading what was there, which `delete` returns.
    @SuppressWarnings("NullAway") // the value may be null: it is then deleted
    private static void delete(KeyValueStore<Bytes, byte[]> store, Bytes key) {
        store.put(key, null);
    }

    /// Returns when something will become of the entry by itself; the largest number: never.
    private long due(@Nullable Entry entry) {
        return entry == null || entry instanceof Emitted ? Long.MAX_VALUE : join.wakeAt(entry);
    }

    /// Returns up to `max` ids of which something is due.
    List<byte[]> due(long now, int max) {
        if (now <= nextDue) {
            return List.of();
        }
        List<byte[]> due = new ArrayList<>();
        try (KeyValueIterator<Bytes, byte[]> from =
                index.range(Bytes.wrap(TimeIndexKey.of(sweptTo, NOTHING)), Bytes.wrap(TimeIndexKey.of(now, NOTHING)))) {
            while (from.hasNext() && due.size() < max) {
                byte[] key = from.next().key.get();
                due.add(TimeIndexKey.id(key));
                sweptTo = TimeIndexKey.time(key);
            }
            if (!from.hasNext()) {
                sweptTo = now;
                nextDue = now;
            }
        }
        return due;
    }

    /// Returns the time by which all that was over was told by `due`.
    long swept(long now) {
        return now <= nextDue ? now : sweptTo;
    }

    /// Returns the time of the event or label whose wait ends first; the largest number: nothing waits.
    long waitingSince() {
        try (KeyValueIterator<Bytes, byte[]> from = index.range(Bytes.wrap(TimeIndexKey.of(sweptTo, NOTHING)), null)) {
            return from.hasNext() ? indexed(TimeIndexKey.id(from.next().key.get())).base() : Long.MAX_VALUE;
        }
    }

    /// Returns an entry that the index has.
    Entry indexed(byte[] id) {
        Entry found = get(id);
        if (found == null) {
            throw new StopException(ExitCode.STATE_VIOLATION, "stream " + stream + ": expected an entry of '"
                    + new String(id, StandardCharsets.UTF_8)
                    + "', which the time index has, found none; delete the state directory to restore it from the changelog");
        }
        return found;
    }

    /// Looks at up to `max` entries after those of the last call, and deletes what is forgotten by `now`.
    void clean(long now, int max) {
        if (cleanedTo == null && leastBaseBefore != Long.MIN_VALUE && !join.isForgotten(leastBaseBefore, now)) {
            return;
        }
        List<Bytes> over = new ArrayList<>();
        Bytes from = cleanedTo;
        try (KeyValueIterator<Bytes, byte[]> all = entries.range(from, null)) {
            for (int i = 0; i < max && all.hasNext(); i++) {
                KeyValue<Bytes, byte[]> each = all.next();
                from = each.key;
                long base = EntryCodec.baseIfEmitted(each.value);
                if (base != Long.MAX_VALUE && join.isForgotten(base, now)) {
                    over.add(each.key);
                } else {
                    leastBase = Math.min(leastBase, base);
                }
            }
            if (all.hasNext()) {
                cleanedTo = from;
            } else {
                cleanedTo = null;
                leastBaseBefore = Math.min(leastBase, now); // an entry that comes later may be older than all of these
                leastBase = Long.MAX_VALUE;
            }
        }
        over.forEach(key -> delete(entries, key));
    }
}
