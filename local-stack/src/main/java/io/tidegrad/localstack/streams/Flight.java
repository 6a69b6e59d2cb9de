package io.tidegrad.localstack.streams;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/// A flight with what is known at departure, and its label.
///
/// @param departed actual departure, epoch ms: the local time at the airport of origin, read as UTC
/// @param distance miles
/// @param late arrived 15 minutes late or more: the label
public record Flight(long departed, int distance, String origin, String destination,
        boolean late) implements StreamEvent {
    public static final int LATE_MINUTES = 15;

    @Override
    public GenericRecord toAvro(Schema schema) {
        GenericData.Record event = new GenericData.Record(schema);
        event.put("departed", departed);
        event.put("distance", distance);
        event.put("origin", origin);
        event.put("destination", destination);
        event.put("late", late);
        return event;
    }

    @Override
    public Flight later(int weeks) {
        return new Flight(departed + Duration.ofDays(7L * weeks).toMillis(), distance, origin, destination, late);
    }

    @Override
    public Map<String, Object> toQuestion() {
        Map<String, Object> question = new LinkedHashMap<>();
        question.put("departed", Instant.ofEpochMilli(departed).toString());
        question.put("distance", distance);
        question.put("origin", origin);
        question.put("destination", destination);
        return question;
    }
}
