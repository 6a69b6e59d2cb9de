package io.tidegrad.cli.quickstart;

import io.tidegrad.control.suggestion.EventSample;
import io.tidegrad.control.suggestion.SpecSuggestion;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.spec.ModelSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/// The models of the quick start. That of flights names nothing but its label. All else is found in the first events
/// before they are sent, because no topic has them then: the same model each time, however many events are sent. Its
/// recipe is `lean`, because `auto` (log loss 0.3995, not 0.4059) takes half as much time again of all processes together,
/// which have to keep up with 7,500 events/s on two cores.
final class QuickstartModel {
    private static final String FLIGHTS = """
            # Which flights arrive at least 15 minutes late? The label is named, and all else is found in the first flights.
            model: flight-delay
            input: { topic: flights }
            label: { field: late }
            features: auto
            recipe: lean
            """;

    private QuickstartModel() {}

    /// @param events all of the stream
    static ModelSpec of(ShippedStream stream, List<StreamEvent> events) {
        return switch (stream) {
            case FLIGHTS ->
                SpecSuggestion.complete(ModelSpec.parse(FLIGHTS, stream.specFile()), sample(stream, events));
            case DIGITS -> ModelSpec.parse(stream.spec(), stream.specFile());
        };
    }

    private static EventSample sample(ShippedStream stream, List<StreamEvent> events) {
        EventSample sample = new EventSample("the stream " + stream.label(), true);
        Schema schema = stream.schema();
        for (StreamEvent event : events.subList(0, EventSample.ROWS_MAX)) {
            GenericRecord record = event.toAvro(schema);
            Map<String, Object> values = new LinkedHashMap<>();
            schema.getFields().forEach(field -> values.put(field.name(), record.get(field.pos())));
            sample.add(values);
        }
        sample.end(Figures.text("the first %,d %s", sample.rows(), stream.label()));
        return sample;
    }
}
