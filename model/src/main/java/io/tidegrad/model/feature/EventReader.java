package io.tidegrad.model.feature;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.FieldPlan;
import io.tidegrad.schemas.FieldSelection;
import io.tidegrad.schemas.RecordDecoder;
import java.util.List;

/// Reads the fields that a spec names from events: the features', the label, the weight and the event time. The event is
/// reused. Not thread-safe.
public final class EventReader {
    private final boolean isJson;
    private final FieldSelection selection;
    private final FieldValues values;
    private final JsonEvents json;
    private final String topic;

    public EventReader(ModelSpec spec) {
        List<String> fields = spec.fields();
        isJson = spec.input().format() == ModelSpec.Format.JSON;
        selection = new FieldSelection(fields.stream().map(FieldPath::parsedOrName).toList(),
                spec.input().reader() instanceof ModelSpec.Reader.Of(int id) ? id : null);
        values = new FieldValues(fields);
        json = new JsonEvents(spec);
        topic = spec.inputTopic();
    }

    /// @throws io.tidegrad.schemas.UndecodableException the value can't be decoded
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer: try again
    public Event read(AvroCodec codec, byte[] value) {
        if (isJson) {
            return json.read(value);
        }
        values.begin();
        return known(codec.read(value, selection, values));
    }

    /// @throws io.tidegrad.schemas.UndecodableException the value can't be decoded
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer: try again
    public Event read(RecordDecoder decoder, byte[] value) {
        return read(decoder, topic, value);
    }

    /// As `read(RecordDecoder, byte[])`, for a record of another topic.
    public Event read(RecordDecoder decoder, String topic, byte[] value) {
        if (isJson) {
            return json.read(value);
        }
        values.begin();
        return known(decoder.read(topic, value, selection, values));
    }

    private Event known(FieldPlan plan) {
        values.unknownField(plan.lacking());
        return values;
    }
}
