package io.tidegrad.localstack.streams;

import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/// One event of a shipped stream.
public sealed interface StreamEvent permits Flight, Digit {
    /// As it goes to the events topic, label included.
    GenericRecord toAvro(Schema schema);

    /// As a scorer is asked about it: field names of the schema, without the label.
    Map<String, Object> toQuestion();

    /// The same event, `weeks` weeks later: hour and weekday stay what they are. Itself where it has no time.
    StreamEvent later(int weeks);
}
