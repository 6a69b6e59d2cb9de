package io.tidegrad.control;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Records of a topic of ours that this build can't read: somebody else's, damaged ones, or those of a newer build.
/// They are passed over, for one record must not keep everybody from the others; each is told once and counted.
/// Thread-safe.
final class UnreadableRecords {
    private static final Logger LOG = LoggerFactory.getLogger(UnreadableRecords.class);
    private static final int KEY_CHARS_MAX = 100;

    private final Set<Long> offsets = ConcurrentHashMap.newKeySet();

    /// @param consequence what is done in its place, and what somebody can do about it
    void passOver(ConsumerRecord<byte[], byte[]> record, String why, String consequence) {
        if (offsets.add(record.offset())) {
            LOG.error("{}-{} offset {}, key {}, can't be read and is passed over: {}; {}", record.topic(),
                    record.partition(), record.offset(), key(record.key()), why, consequence);
        }
    }

    private static String key(byte @org.jspecify.annotations.Nullable [] key) {
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

    int count() {
        return offsets.size();
    }
}
