package io.tidegrad.cli.streams;

import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/// One event of a shipped stream.
public sealed interface StreamEvent permits Flight, Digit {
    /// As it goes to the events topic, label included.
    GenericRecord toAvro(Schema schema);

    /// As a scorer is asked about it: field names of the schema, without the label.
    Map<String, Object> toQuestion();
}
