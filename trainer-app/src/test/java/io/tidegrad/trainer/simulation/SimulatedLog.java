package io.tidegrad.trainer.simulation;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.Bytes;
import org.jspecify.annotations.Nullable;

/// One partition as brokers keep it: records, markers that end transactions, holes that compaction leaves. Its readers
/// are read_committed.
final class SimulatedLog {
    private final TopicPartition partition;
    private final List<Entry> entries = new ArrayList<>();

    /// Of each transaction without its marker the first record's offset, oldest first.
    private final LinkedHashMap<Transaction, Long> firstUnmarked = new LinkedHashMap<>();

    private static final class Entry {
        final @Nullable ConsumerRecord<byte[], byte[]> record; // null: a marker
        final @Nullable Transaction transaction; // null: written outside of any
        boolean compacted;

        Entry(@Nullable ConsumerRecord<byte[], byte[]> record, @Nullable Transaction transaction) {
            this.record = record;
            this.transaction = transaction;
        }

        boolean isCommitted() {
            return record != null && !compacted
                    && (transaction == null || transaction.state == Transaction.State.COMMITTED);
        }
    }

    SimulatedLog(TopicPartition partition) {
        this.partition = partition;
    }

    TopicPartition partition() {
        return partition;
    }

    @SuppressWarnings("NullAway") // a record's key and value may be null; Kafka's class says nothing of it
    ConsumerRecord<byte[], byte[]> append(@Nullable Transaction transaction, byte @Nullable [] key,
            byte @Nullable [] value, Headers headers) {
        long offset = entries.size();
        ConsumerRecord<byte[], byte[]> record = new ConsumerRecord<>(partition.topic(), partition.partition(), offset,
                1_000 + offset, TimestampType.LOG_APPEND_TIME, key == null ? -1 : key.length,
                value == null ? -1 : value.length, key, value, headers, Optional.empty());
        entries.add(new Entry(record, transaction));
        if (transaction != null) {
            transaction.unmarked.add(this);
            firstUnmarked.putIfAbsent(transaction, offset);
            transaction.records.add(record);
        }
        return record;
    }

    /// The marker that makes a decided transaction's records here visible, or for ever invisible.
    void mark(Transaction transaction) {
        if (transaction.state == Transaction.State.OPEN) {
            throw new IllegalStateException("a marker of an open transaction");
        }
        if (transaction.unmarked.remove(this)) {
            firstUnmarked.remove(transaction);
            entries.add(new Entry(null, transaction));
        }
    }

    long end() {
        return entries.size();
    }

    /// One past what a read_committed consumer may see: the first record of a transaction without its marker.
    long lastStable() {
        return firstUnmarked.isEmpty() ? entries.size() : firstUnmarked.firstEntry().getValue();
    }

    /// Up to `max` visible records from offset `from` on.
    List<ConsumerRecord<byte[], byte[]>> visible(long from, int max) {
        return committed(from, lastStable(), max);
    }

    /// As they will be visible once every decided transaction has its markers.
    List<ConsumerRecord<byte[], byte[]>> decided() {
        return committed(0, entries.size(), Integer.MAX_VALUE);
    }

    /// The committed records of an interval, `to` exclusive.
    List<ConsumerRecord<byte[], byte[]>> committed(long from, long to, int max) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int at = (int) from; at < to && records.size() < max; at++) {
            Entry entry = entries.get(at);
            if (entry.isCommitted()) {
                records.add(Objects.requireNonNull(entry.record));
            }
        }
        return records;
    }

    long writtenOutsideTransactions() {
        return entries.stream().filter(entry -> entry.transaction == null).count();
    }

    /// Every byte and how it ended.
    void digest(CRC32C crc) {
        for (Entry entry : entries) {
            ConsumerRecord<byte[], byte[]> record = entry.record;
            Transaction transaction = entry.transaction;
            crc.update(transaction == null ? 0 : 1 + transaction.state.ordinal());
            crc.update(entry.compacted ? 1 : 0);
            if (record == null) {
                continue;
            }
            for (byte[] bytes : new byte[] @Nullable []{record.key(), record.value()}) {
                crc.update(bytes == null ? 0 : 1);
                if (bytes != null) {
                    crc.update(bytes);
                }
            }
        }
    }

    /// Keeps the newest committed record of each key. What lies beyond the last stable offset stays, as brokers leave
    /// it.
    void compact() {
        Set<Bytes> seen = new HashSet<>();
        for (int at = (int) lastStable() - 1; at >= 0; at--) {
            Entry entry = entries.get(at);
            if (entry.isCommitted() && !seen.add(Bytes.wrap(Objects.requireNonNull(entry.record).key()))) {
                entry.compacted = true;
            }
        }
    }

    // ---- what nobody should do to a topic ----

    void deleteAll() {
        entries.forEach(entry -> entry.compacted = true);
    }
}
