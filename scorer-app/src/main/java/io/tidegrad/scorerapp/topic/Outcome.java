package io.tidegrad.scorerapp.topic;

import org.apache.kafka.clients.producer.ProducerRecord;

/// What goes out for one request: a prediction or a dead letter, never both.
sealed interface Outcome {
    ProducerRecord<byte[], byte[]> record();

    /// @param model the name it was asked by
    record Scored(String model, ProducerRecord<byte[], byte[]> record) implements Outcome {
    }

    /// @param reason as of `RequestFault.codes`
    record Refused(String reason, ProducerRecord<byte[], byte[]> record) implements Outcome {
    }
}
