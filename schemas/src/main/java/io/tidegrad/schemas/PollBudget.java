package io.tidegrad.schemas;

import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/// Bounds how many bytes a poll gives. `max.poll.records` does not, nor does any other setting: what is fetched is
/// bounded as it was compressed, and a batch of some kilobytes may hold gigabytes.
///
/// Kafka's consumer gives what it has when a deserializer refuses the record after that, and offers the same record
/// again at the next poll (`CompletedFetch.fetchRecords`, `FetchCollector.collectFetch`). A poll's first record is
/// never refused, so a single one of any size is read.
public final class PollBudget {
    /// Four times what is fetched at once: it ends only polls of what was compressed well.
    private static final long BYTES_MAX = 16 * 1024 * 1024;

    private final long bytesMax;
    private long bytes;
    private int keyBytes; // of the record that is read; its value decides about it

    public PollBudget() {
        this(BYTES_MAX);
    }

    /// @param bytesMax how much a poll gives, and one record more
    public PollBudget(long bytesMax) {
        this.bytesMax = bytesMax;
    }

    /// Before each poll.
    public void begin() {
        bytes = 0;
        keyBytes = 0;
    }

    public Deserializer<byte[]> keys() {
        return (topic, key) -> {
            keyBytes = 0;
            take(key);
            keyBytes = key.length;
            return key;
        };
    }

    public Deserializer<byte[]> values() {
        return (topic, value) -> {
            take(value);
            keyBytes = 0;
            return value;
        };
    }

    private void take(byte[] part) {
        if (bytes - keyBytes >= bytesMax) {
            throw new SerializationException("enough for one poll; read again by the next");
        }
        bytes += part.length;
    }
}
