package io.tidegrad.scorerapp.topic;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/// What to write for one request: a prediction or a dead letter, never both; and with a prediction its record in the log
/// of what is served, if there is one.
sealed interface Outcome {
    ProducerRecord<byte[], byte[]> record();

    /// @param model name of the model in the request
    /// @param logged null if the model has no log
    record Scored(String model, ProducerRecord<byte[], byte[]> record,
            @Nullable ProducerRecord<byte[], byte[]> logged) implements Outcome {
    }

    /// @param reason one of `RequestFault.codes`
    record Refused(String reason, ProducerRecord<byte[], byte[]> record) implements Outcome {
    }
}
