package io.tidegrad.localstack.streams;

import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/// One event of a shipped stream.
public sealed interface StreamEvent permits Flight, Digit {
    /// The record for the events topic, with its label.
    GenericRecord toAvro(Schema schema);

    /// The fields of a scoring request, by the schema's names, without the label.
    Map<String, Object> toQuestion();

    /// The same event `weeks` weeks later, so that hour and weekday don't change. Returns itself if it has no time.
    StreamEvent later(int weeks);
}
