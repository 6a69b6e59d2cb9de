package io.tidegrad.scorerapp.topic;

import io.tidegrad.model.stream.Served;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.BoundedHeaders;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.Prediction;
import io.tidegrad.scorer.ScoringSession;
import io.tidegrad.scorer.TraceContext;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/// Builds the records for predictions and dead letters. Both have the request's key, which determines the partition,
/// and its headers, by which a client recognises its request.
///
/// @param predictionSchemaId id under which `Prediction` is registered
record OutgoingRecords(RequestsConfig config, RequestTopics.Limits limits, int predictionSchemaId, AvroCodec codec,
        InstantSource clock) {
    private static final String OURS = "tidegrad-";

    /// Overhead of a record: a batch of one record has 61 bytes, and the record has seven lengths.
    private static final int FRAME_BYTES = 128;

    /// @param asked name of the model in this process
    /// @param session session that has scored the request
    /// @param row row in its batch
    /// @param stage of the model that answers
    /// @param propensity the share of keys for which it answers; null if no split was asked
    /// @throws RefusedRequest `prediction-too-large`, `log-record-too-large`
    Outcome scored(String asked, String id, ConsumerRecord<byte[], byte[]> request, ScoringSession session, int row,
            Served.Stage stage, @Nullable Double propensity) {
        long now = clock.millis();
        List<Float> probabilities = new ArrayList<>(session.numbers(row));
        for (int output = 0; output < session.numbers(row); output++) {
            probabilities.add(session.probability(row, output));
        }
        Prediction prediction = Prediction.newBuilder().setRequestId(id).setModel(session.servedVersion().model())
                .setEpoch(session.epoch()).setVersion(session.version()).setOffset(session.offset())
                .setFreshnessMs(session.freshnessMs()).setProbabilities(probabilities)
                .setTime(Instant.ofEpochMilli(now)).build();
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
                new ProducerRecord<>(config.predictions(), null, now, request.key(), value, headers),
                logged(asked, request, session, row, stage, propensity, now));
    }

    /// Returns the request's own bytes with what is answered; null if the model has no log.
    private @Nullable ProducerRecord<byte[], byte[]> logged(String asked, ConsumerRecord<byte[], byte[]> request,
            ScoringSession session, int row, Served.Stage stage, @Nullable Double propensity, long now) {
        String topic = config.logs().get(asked);
        if (topic == null) {
            return null;
        }
        float[] predictions = new float[session.numbers(row)];
        for (int output = 0; output < predictions.length; output++) {
            predictions[output] = session.probability(row, output);
        }
        RecordHeaders headers = new RecordHeaders();
        new Served(session.servedVersion().model(), session.epoch(), session.version(), session.offset(), now, stage,
                propensity, predictions, session.memberOutputsOf(row)).writeTo(headers);
        TraceContext trace = TraceContext.of(request.headers());
        if (trace != null) {
            trace.writeTo(headers);
        }
        long size = (long) request.key().length + request.value().length + BoundedHeaders.bytes(headers) + FRAME_BYTES;
        int most = limits.logBytes().getOrDefault(topic, Integer.MAX_VALUE);
        if (size > most) {
            throw new RefusedRequest(RequestFault.LOG_RECORD_TOO_LARGE,
                    "expected a request of at most " + most + " bytes with its key and what is answered, which is"
                            + " max.message.bytes of topic " + topic + ", found " + size);
        }
        return new ProducerRecord<>(topic, null, now, request.key(), request.value(), headers);
    }

    /// @param by session that refused it; null if no model was asked yet
    Outcome refused(ConsumerRecord<byte[], byte[]> request, RefusedRequest refused, @Nullable ScoringSession by) {
        List<Header> source = new ArrayList<>();
        source.add(BoundedHeaders.text(DeadLetter.TOPIC, request.topic()));
        source.add(BoundedHeaders.text(DeadLetter.PARTITION, Integer.toString(request.partition())));
        source.add(BoundedHeaders.text("tidegrad-group", config.group()));
        if (by != null) {
            source.add(BoundedHeaders.text("tidegrad-version",
                    by.servedVersion().model() + " " + by.epoch() + "." + by.version()));
        }
        DeadLetter letter = DeadLetter.of(request, OutgoingRecords::isKept,
                BoundedHeaders.text(DeadLetter.REASON, refused.reason()), refused.detail(), source,
                schemaId(request.value()), limits.deadLetterBytes());
        return new Outcome.Refused(refused.reason(), new ProducerRecord<>(config.deadLetters(), null, clock.millis(),
                letter.key(), letter.value(), letter.headers()));
    }

    /// Keeps our own headers only if they belong to the request. A dead letter that is sent again as a request has
    /// others, which no longer apply.
    private static boolean isKept(String header) {
        return !header.startsWith(OURS) || header.equals(ModelChoice.HEADER) || header.equals(BatchScorer.KEY);
    }

    private static @Nullable Integer schemaId(byte @Nullable [] value) {
        return value == null || value.length < AvroCodec.HEADER_BYTES || value[0] != 0 ? null
                : AvroCodec.schemaId(value);
    }
}
