package io.tidegrad.control;

import java.util.HashSet;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Logs and counts each record of a topic that this build can't read, because another application or a newer build
/// wrote it, or because it is damaged. Readers pass over such a record, so that it does not keep them from the others.
/// Thread-safe.
final class UnreadableRecords {
    private static final Logger LOG = LoggerFactory.getLogger(UnreadableRecords.class);
    private static final int KEY_CHARS_MAX = 100;

    private static final int OFFSETS_MAX = 1_000;

    private final Set<Long> offsets = new HashSet<>();
    private long highest = -1;
    private int count;

    /// The topic is read again and again, from its beginning and in order. With more offsets than are remembered, a record
    /// is new if it lies behind all others.
    ///
    /// @param consequence what this process does without the record, and what its operator can do
    synchronized void passOver(ConsumerRecord<byte[], byte[]> record, String why, String consequence) {
        long offset = record.offset();
        if (offsets.size() < OFFSETS_MAX ? offsets.add(offset) : offset > highest) {
            highest = Math.max(highest, offset);
            count++;
            LOG.error("{}-{} offset {}, key {}, can't be read and is passed over: {}; {}", record.topic(),
                    record.partition(), offset, key(record.key()), why, consequence);
        }
    }

    private static String key(byte @Nullable [] key) {
        if (key == null) {
            return "none";
        }
        try {
            String text = ControlRecord.model(key);
            String shown = text.length() > KEY_CHARS_MAX ? text.substring(0, KEY_CHARS_MAX) + "…" : text;
            return "'" + shown.replaceAll("\\p{Cntrl}", "?") + "'";
        } catch (ControlFormatException notUtf8) {
            return "of " + key.length + " bytes that are not UTF-8";
        }
    }

    synchronized int count() {
        return count;
    }
}
