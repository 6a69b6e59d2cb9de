package io.tidegrad.joiner.topology;

import io.tidegrad.schemas.BoundedHeaders;
import io.tidegrad.schemas.DeadLetter;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/// Makes the records of the dead-letter topic: a `DeadLetter` with headers that say which stream refused the record,
/// `tidegrad-stream` and `tidegrad-epoch`.
public final class JoinDeadLetters {
    private final int bytesMax;
    private final Header stream;
    private final Header epoch;

    /// @param bytesMax the dead-letter topic's `max.message.bytes`
    public JoinDeadLetters(String stream, int epoch, int bytesMax) {
        this.bytesMax = bytesMax;
        this.stream = BoundedHeaders.text(DeadLetter.STREAM, stream);
        this.epoch = BoundedHeaders.text("tidegrad-epoch", Integer.toString(epoch));
    }

    /// @param now the wall clock (epoch ms), because retention must not see event times of years ago
    Record<byte[], byte[]> of(ConsumerRecord<byte[], byte[]> record, String reason, String detail, long now) {
        List<Header> source = List.of(BoundedHeaders.text(DeadLetter.TOPIC, record.topic()),
                BoundedHeaders.text(DeadLetter.PARTITION, Integer.toString(record.partition())), stream, epoch);
        DeadLetter letter = DeadLetter.of(record, name -> true, BoundedHeaders.text(DeadLetter.REASON, reason), detail,
                source, schemaId(record.value()), bytesMax);
        return new Record<>(letter.key(), letter.value(), now, letter.headers());
    }

    /// Returns what Confluent's wire format has after its first byte.
    private static @Nullable Integer schemaId(byte @Nullable [] value) {
        return value == null || value.length < 5 || value[0] != 0 ? null : ByteBuffer.wrap(value).getInt(1);
    }
}
