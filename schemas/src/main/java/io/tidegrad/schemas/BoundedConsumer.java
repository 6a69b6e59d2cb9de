package io.tidegrad.schemas;

import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;

/// A consumer whose polls give at most 16 MiB, and one record more. `max.poll.records` does not bound bytes, nor does any
/// other setting: what is fetched is bounded as it was compressed, and a batch of some kilobytes may hold gigabytes.
///
/// Kafka's consumer gives what it has when a deserializer refuses the record after that, and offers the same record
/// again at the next poll (`CompletedFetch.fetchRecords`, `FetchCollector.collectFetch`). A poll's first record is
/// never refused, so a single one of any size is read.
public class BoundedConsumer extends KafkaConsumer<byte[], byte[]> {
    private final Budget budget;

    /// @param config settings of the consumer without deserializers
    public BoundedConsumer(Map<String, Object> config) {
        this(config, new Budget());
    }

    private BoundedConsumer(Map<String, Object> config, Budget budget) {
        super(config, budget.keys(), budget.values());
        this.budget = budget;
    }

    @Override
    public ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
        budget.begin();
        return super.poll(timeout);
    }

    private static final class Budget {
        /// Four times what is fetched at once: it ends only polls of what was compressed well.
        private static final long BYTES_MAX = 16 * 1024 * 1024;

        private long bytes;
        private int keyBytes; // of the record that is read; its value decides about it

        void begin() {
            bytes = 0;
            keyBytes = 0;
        }

        Deserializer<byte[]> keys() {
            return (topic, key) -> {
                keyBytes = 0;
                take(key);
                keyBytes = key.length;
                return key;
            };
        }

        Deserializer<byte[]> values() {
            return (topic, value) -> {
                take(value);
                keyBytes = 0;
                return value;
            };
        }

        private void take(byte[] part) {
            if (bytes - keyBytes >= BYTES_MAX) {
                throw new SerializationException("enough for one poll; read again by the next");
            }
            bytes += part.length;
        }
    }
}
