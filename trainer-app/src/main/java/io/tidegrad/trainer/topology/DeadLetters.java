package io.tidegrad.trainer.topology;

import io.tidegrad.control.Lineage;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.schemas.BoundedHeaders;
import io.tidegrad.schemas.DeadLetter;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes the records of the dead-letter topic: a `DeadLetter` with headers that say who refused the event,
/// `tidegrad-model` and `tidegrad-epoch`.
public final class DeadLetters {
    private static final Logger LOG = LoggerFactory.getLogger(DeadLetters.class);
    private static final byte[] NOTHING = {};

    private final String model;
    private final int bytesMax;
    private final List<Header> source; // encoded once, because every letter has them
    private final Map<Rejection.Reason, Header> reasons = new EnumMap<>(Rejection.Reason.class);

    /// @param bytesMax the dead-letter topic's `max.message.bytes`
    public DeadLetters(Lineage lineage, int bytesMax) {
        model = lineage.model();
        this.bytesMax = bytesMax;
        source = List.of(BoundedHeaders.text(DeadLetter.TOPIC, lineage.log().topic()),
                BoundedHeaders.text(DeadLetter.PARTITION, Integer.toString(lineage.log().partition())),
                BoundedHeaders.text(DeadLetter.MODEL, lineage.model()),
                BoundedHeaders.text("tidegrad-epoch", Integer.toString(lineage.epoch())));
        for (Rejection.Reason reason : Rejection.Reason.values()) {
            reasons.put(reason, BoundedHeaders.text(DeadLetter.REASON, reason.code()));
        }
    }

    /// @param now the wall clock (epoch ms), because retention must not see event times of years ago
    public Record<byte[], byte[]> of(ConsumerRecord<byte[], byte[]> event, Rejection rejection,
            @Nullable Integer schemaId, long now) {
        DeadLetter letter = DeadLetter.of(event, name -> true, Objects.requireNonNull(reasons.get(rejection.reason())),
                rejection.detail(), source, schemaId, bytesMax);
        return new Record<>(letter.key(), letter.value(), now, letter.headers());
    }

    /// Makes the letter of an event that was set aside. If the making of a letter is what ended the trainer, the letter
    /// says where the event is, without its key, value and headers.
    Record<byte[], byte[]> ofSetAside(ConsumerRecord<byte[], byte[]> event, Rejection rejection,
            @Nullable Integer schemaId, long now) {
        try {
            return of(event, rejection, schemaId, now);
        } catch (RuntimeException | Error e) {
            LOG.error("model {}: the dead letter of {}-{} offset {} is written without the event's content", model,
                    event.topic(), event.partition(), event.offset(), e);
            return of(new ConsumerRecord<>(event.topic(), event.partition(), event.offset(), NOTHING, NOTHING),
                    rejection, schemaId, now);
        }
    }
}
