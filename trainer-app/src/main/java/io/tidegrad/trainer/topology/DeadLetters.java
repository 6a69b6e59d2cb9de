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

/// Events that can't be learned, as they go to the dead-letter topic: a `DeadLetter`, with these headers of who refused
/// it:
///
/// | header | text |
/// |---|---|
/// | `tidegrad-model`, `-epoch` | who refused it |
public final class DeadLetters {
    private final int bytesMax;
    private final List<Header> source; // the same in every letter: encoded once
    private final Map<Rejection.Reason, Header> reasons = new EnumMap<>(Rejection.Reason.class);

    /// @param bytesMax the dead-letter topic's `max.message.bytes`
    public DeadLetters(Lineage lineage, int bytesMax) {
        this.bytesMax = bytesMax;
        source = List.of(BoundedHeaders.text(DeadLetter.TOPIC, lineage.log().topic()),
                BoundedHeaders.text(DeadLetter.PARTITION, Integer.toString(lineage.log().partition())),
                BoundedHeaders.text(DeadLetter.MODEL, lineage.model()),
                BoundedHeaders.text("tidegrad-epoch", Integer.toString(lineage.epoch())));
        for (Rejection.Reason reason : Rejection.Reason.values()) {
            reasons.put(reason, BoundedHeaders.text(DeadLetter.REASON, reason.code()));
        }
    }

    /// @param now wall clock (epoch ms): retention must not look at event times of years ago
    public Record<byte[], byte[]> of(ConsumerRecord<byte[], byte[]> event, Rejection rejection,
            @Nullable Integer schemaId, long now) {
        DeadLetter letter = DeadLetter.of(event, name -> true, Objects.requireNonNull(reasons.get(rejection.reason())),
                rejection.detail(), source, schemaId, bytesMax);
        return new Record<>(letter.key(), letter.value(), now, letter.headers());
    }
}
