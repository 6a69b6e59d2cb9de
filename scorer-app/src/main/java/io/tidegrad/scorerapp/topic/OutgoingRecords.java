package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.BoundedHeaders;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.Prediction;
import io.tidegrad.scorer.ScoringSession;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/// Predictions and dead letters as they are written. Both have the request's key, so that the partition of a topic
/// follows from it, and its headers, so that who asked can tell which answer is whose.
final class OutgoingRecords {
    private static final String OURS = "tidegrad-";

    /// Around a record's key, value and headers; a batch of one record has 61 bytes, the record seven lengths.
    private static final int FRAME_BYTES = 128;

    private final RequestsConfig config;
    private final RequestTopics.Limits limits;
    private final int predictionSchemaId;
    private final AvroCodec codec;
    private final InstantSource clock;

    /// @param predictionSchemaId under which `Prediction` is registered
    OutgoingRecords(RequestsConfig config, RequestTopics.Limits limits, int predictionSchemaId, AvroCodec codec,
            InstantSource clock) {
        this.config = config;
        this.limits = limits;
        this.predictionSchemaId = predictionSchemaId;
        this.codec = codec;
        this.clock = clock;
    }

    /// @param asked the model's name in this process
    /// @param session has scored
    /// @param row of its batch
    /// @throws RefusedRequest `prediction-too-large`
    Outcome scored(String asked, String id, ConsumerRecord<byte[], byte[]> request, ScoringSession session, int row) {
        long now = clock.millis();
        List<Float> probabilities = new ArrayList<>(session.outputs());
        for (int output = 0; output < session.outputs(); output++) {
            probabilities.add(session.probability(row, output));
        }
        Prediction prediction =
                Prediction.newBuilder().setRequestId(id).setModel(session.model().model()).setEpoch(session.epoch())
                        .setVersion(session.version()).setOffset(session.offset()).setFreshnessMs(session.freshnessMs())
                        .setProbabilities(probabilities).setTime(Instant.ofEpochMilli(now)).build();
        byte[] value = codec.encode(predictionSchemaId, prediction);
        RecordHeaders headers = new RecordHeaders();
        BoundedHeaders.copy(request.headers(), OutgoingRecords::isKept, headers);
        long size = (long) request.key().length + value.length + BoundedHeaders.bytes(headers) + FRAME_BYTES;
        if (size > limits.predictionBytes()) {
            throw new RefusedRequest(RequestFault.PREDICTION_TOO_LARGE,
                    "expected a prediction of at most " + limits.predictionBytes()
                            + " bytes with its key and headers, which is max.message.bytes of topic "
                            + config.predictions() + ", found " + size);
        }
        return new Outcome.Scored(asked,
                new ProducerRecord<>(config.predictions(), null, now, request.key(), value, headers));
    }

    /// @param by what refused it; null when no model had been asked yet
    Outcome refused(ConsumerRecord<byte[], byte[]> request, RefusedRequest refused, @Nullable ScoringSession by) {
        List<Header> source = new ArrayList<>();
        source.add(BoundedHeaders.text(DeadLetter.TOPIC, request.topic()));
        source.add(BoundedHeaders.text(DeadLetter.PARTITION, Integer.toString(request.partition())));
        source.add(BoundedHeaders.text("tidegrad-group", config.group()));
        if (by != null) {
            source.add(BoundedHeaders.text("tidegrad-version",
                    by.model().model() + " " + by.epoch() + "." + by.version()));
        }
        DeadLetter letter = DeadLetter.of(request, OutgoingRecords::isKept,
                BoundedHeaders.text(DeadLetter.REASON, refused.reason()), refused.detail(), source,
                schemaId(request.value()), limits.deadLetterBytes());
        return new Outcome.Refused(refused.reason(), new ProducerRecord<>(config.deadLetters(), null, clock.millis(),
                letter.key(), letter.value(), letter.headers()));
    }

    /// Of ours only what is part of the request: a dead letter that is sent again as a request brings more, which is
    /// over.
    private static boolean isKept(String header) {
        return !header.startsWith(OURS) || header.equals(ModelChoice.HEADER) || header.equals(BatchScorer.KEY);
    }

    private static @Nullable Integer schemaId(byte @Nullable [] value) {
        return value == null || value.length < AvroCodec.HEADER_BYTES || value[0] != 0 ? null
                : AvroCodec.schemaId(value);
    }
}
