package io.tidegrad.scorerapp.topic;

import org.apache.kafka.clients.producer.ProducerRecord;

/// The record to write for one request: a prediction or a dead letter, never both.
sealed interface Outcome {
    ProducerRecord<byte[], byte[]> record();

    /// @param model name of the model in the request
    record Scored(String model, ProducerRecord<byte[], byte[]> record) implements Outcome {
    }

    /// @param reason one of `RequestFault.codes`
    record Refused(String reason, ProducerRecord<byte[], byte[]> record) implements Outcome {
    }
}
