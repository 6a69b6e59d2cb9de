package io.tidegrad.trainer.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.control.Lineage;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.AbstractRecords;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.streams.processor.api.Record;
import org.junit.jupiter.api.Test;

class DeadLettersTest {
    private static final int LIMIT = 1_300_000;

    private static final Lineage LINEAGE = new Lineage(ModelSpec.parse("""
                            model: m
                            input: { topic: t }
                            label: { field: y }
                            features: [ number: { field: x } ]
                            network: [ dense: 1 ]
                            loss: binary-cross-entropy
                            optimizer: { sgd: { rate: 0.1 } }
                            """, "test"), 2, new TopicPartition("t", 0), Uuid.randomUuid(), 0);

    private static Record<byte[], byte[]> letter(byte[] key, byte[] value, RecordHeaders headers, String detail) {
        return new DeadLetters(LINEAGE, LIMIT).of(new ConsumerRecord<>("t", 0, 42, 0, TimestampType.CREATE_TIME,
                key.length, value.length, key, value, headers, Optional.empty()),
                new Rejection(Rejection.Reason.NOT_AVRO, detail), 7, 1_000);
    }

    private static String text(Record<byte[], byte[]> letter, String header) {
        Header found = letter.headers().lastHeader(header);
        return found == null ? "" : new String(found.value(), StandardCharsets.UTF_8);
    }

    @Test
    void anOrdinaryEventIsUntouched() {
        RecordHeaders headers = new RecordHeaders();
        headers.add("trace", new byte[]{1});
        Record<byte[], byte[]> letter = letter(new byte[]{5}, new byte[]{6, 7}, headers, "expected, found");
        assertThat(letter.key()).containsExactly(5);
        assertThat(letter.value()).containsExactly(6, 7);
        assertThat(letter.headers().lastHeader("trace").value()).containsExactly(1);
        assertThat(text(letter, "tidegrad-detail")).isEqualTo("expected, found");
        assertThat(text(letter, "tidegrad-offset")).isEqualTo("42");
        assertThat(text(letter, "tidegrad-epoch")).isEqualTo("2");
        assertThat(text(letter, "tidegrad-headers-cut")).isEmpty();
        assertThat(letter.timestamp()).isEqualTo(1_000);
    }

    /// One byte over the limit would be a crash loop: the transaction fails, and so does the next.
    @Test
    void whateverComesTheLetterFitsTheTopic() {
        RecordHeaders headers = new RecordHeaders();
        for (int i = 0; i < 10_000; i++) {
            headers.add("h" + i, new byte[50]);
        }
        Record<byte[], byte[]> letter =
                letter(new byte[1_000_000], new byte[5_000_000], headers, "x".repeat(1_000_000));
        assertThat(text(letter, "tidegrad-headers-cut")).isEqualTo("true");
        assertThat(text(letter, "tidegrad-value-cut")).startsWith("5000000 ");
        int size = AbstractRecords.estimateSizeInBytesUpperBound(RecordBatch.CURRENT_MAGIC_VALUE, CompressionType.NONE,
                letter.key(), letter.value(), letter.headers().toArray());
        assertThat(size).isLessThanOrEqualTo(LIMIT);
    }

    @Test
    void anEventWhoseLetterCannotBeMadeIsSetAsideWithoutItsContent() {
        RecordHeaders broken = new RecordHeaders() {
            @Override
            public Iterator<Header> iterator() {
                throw new IllegalStateException("headers that nobody foresaw");
            }
        };
        ConsumerRecord<byte[], byte[]> event = new ConsumerRecord<>("t", 0, 42, 0, TimestampType.CREATE_TIME, 1, 1,
                new byte[]{5}, new byte[]{6}, broken, Optional.empty());
        Record<byte[], byte[]> letter = new DeadLetters(LINEAGE, LIMIT).ofSetAside(event,
                new Rejection(Rejection.Reason.ENDED_THE_TRAINER, "it ended two lives"), null, 1_000);
        assertThat(letter.value()).isEmpty();
        assertThat(text(letter, "tidegrad-offset")).isEqualTo("42");
        assertThat(text(letter, "tidegrad-reason")).isEqualTo("ended-the-trainer");
    }
}
