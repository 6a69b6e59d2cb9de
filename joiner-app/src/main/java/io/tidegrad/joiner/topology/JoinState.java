package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.Entry;
import io.tidegrad.joiner.join.EntryCodec;
import io.tidegrad.joiner.join.LabelJoin;
import io.tidegrad.joiner.join.TimeIndexKey;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.jspecify.annotations.Nullable;

/// What a task remembers: an entry for each id, and how far it has come in looking at what is due and at what is over. An
/// event that waits no more is not in the time index, because nothing is written when it is forgotten: it takes no part
/// in the join after its window anyway, so it may be deleted at any time after that. `clean` comes by all entries in
/// turn.
final class JoinState {
    /// Hints that are looked at to find what waits.
    private static final int PASSED_MAX = 1_024;

    private final LabelJoin join;
    private final JoinStore store;

    private @Nullable Bytes cleanedTo;

    /// The least base that this pass has left, and the one before: nothing is forgotten before that one is.
    private long leastBase = Long.MAX_VALUE;
    private long leastBaseBefore = Long.MIN_VALUE;

    JoinState(LabelJoin join, JoinStore store) {
        this.join = join;
        this.store = store;
    }

    @Nullable
    Entry get(byte[] id) {
        return store.get(id);
    }

    /// @param before what `get` returned
    void put(byte[] id, @Nullable Entry before, @Nullable Entry after) {
        if (before != after) {
            store.put(id, before, after);
        }
    }

    /// To be called before each commit.
    void log() {
        store.log();
    }

    /// Passes on ids of which something is due, each with its entry.
    void due(long now, int max, BiConsumer<byte[], Entry> to) {
        if (now <= store.head()) {
            return;
        }
        for (byte[] hint : store.due(now, max)) {
            Entry waiting = store.waiting(hint);
            if (waiting != null) {
                to.accept(TimeIndexKey.id(hint), waiting);
            }
        }
    }

    /// Returns the time by which all that was over was told by `due`.
    long swept(long now) {
        return Math.min(now, store.head());
    }

    /// Returns the time of the event or label whose wait ends first; the largest number: none was found that waits.
    long waitingSince() {
        Entry first = store.first(PASSED_MAX);
        return first == null ? Long.MAX_VALUE : first.base();
    }

    /// Looks at up to `max` entries after those of the last call, and deletes what is forgotten by `now`.
    void clean(long now, int max) {
        if (cleanedTo == null && leastBaseBefore != Long.MIN_VALUE && !join.isForgotten(leastBaseBefore, now)) {
            return;
        }
        List<Bytes> over = new ArrayList<>();
        Bytes from = cleanedTo;
        try (KeyValueIterator<Bytes, byte[]> all = store.entries(from)) {
            for (int i = 0; i < max && all.hasNext(); i++) {
                KeyValue<Bytes, byte[]> each = all.next();
                from = each.key;
                long base = EntryCodec.isEmitted(each.value) ? EntryCodec.base(each.value) : Long.MAX_VALUE;
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
        over.forEach(store::forget);
    }
}
