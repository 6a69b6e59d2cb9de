package io.tidegrad.model.feature;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.FieldPlan;
import io.tidegrad.schemas.FieldSelection;
import io.tidegrad.schemas.RecordDecoder;
import java.util.List;

/// Reads the fields that a spec names from events in Avro: the features', the label, the weight and the event time.
/// The event is reused. Not thread-safe.
public final class EventReader {
    private final FieldSelection selection;
    private final FieldValues values;
    private final String topic;

    public EventReader(ModelSpec spec) {
        List<String> fields = spec.fields();
        selection = new FieldSelection(fields.stream().map(FieldPath::parsedOrName).toList(),
                spec.input().reader() instanceof ModelSpec.Reader.Of(int id) ? id : null);
        values = new FieldValues(fields);
        topic = spec.inputTopic();
    }

    /// @throws io.tidegrad.schemas.UndecodableException the value can't be decoded
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer: try again
    public Event read(AvroCodec codec, byte[] value) {
        values.begin();
        return known(codec.read(value, selection, values));
    }

    /// @throws io.tidegrad.schemas.UndecodableException the value can't be decoded
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer: try again
    public Event read(RecordDecoder decoder, byte[] value) {
        values.begin();
        return known(decoder.read(topic, value, selection, values));
    }

    private Event known(FieldPlan plan) {
        values.unknownField(plan.lacking());
        return values;
    }
}
