package io.tidegrad.model.feature;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.FieldPlan;
import io.tidegrad.schemas.FieldSelection;
import io.tidegrad.schemas.RecordDecoder;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Reads the fields that a spec names from events: a model's features, its label, weight and event time, or what a stream
/// reads. The event is reused. Not thread-safe.
public final class EventReader {
    private final FieldSelection selection;
    private final FieldValues values;
    private final @Nullable JsonEvents json; // null for events in Avro
    private final @Nullable String topic; // null for a model of a stream whose topic nobody has said

    public EventReader(ModelSpec spec) {
        this(spec.input().topic(), spec.fields(),
                spec.input().reader() instanceof ModelSpec.Reader.Of(int id) ? id : null,
                spec.input().format() == ModelSpec.Format.JSON ? new JsonEvents(spec) : null);
    }

    /// @param topic that the events lie in
    /// @param fields paths
    /// @param schema the id of the schema by whose names and aliases they are found too; null for none
    EventReader(String topic, List<String> fields, ModelSpec.Format format, @Nullable Integer schema) {
        this(topic, fields, schema, format == ModelSpec.Format.JSON ? new JsonEvents(fields) : null);
    }

    private EventReader(@Nullable String topic, List<String> fields, @Nullable Integer schema,
            @Nullable JsonEvents json) {
        selection = new FieldSelection(fields.stream().map(FieldPath::parsedOrName).toList(), schema);
        values = new FieldValues(fields);
        this.json = json;
        this.topic = topic;
    }

    /// @throws io.tidegrad.schemas.UndecodableException the value can't be decoded
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer: try again
    public Event read(AvroCodec codec, byte[] value) {
        if (json != null) {
            return json.read(value);
        }
        values.begin();
        return known(codec.read(value, selection, values));
    }

    /// Reads a record of the spec's own topic.
    ///
    /// @throws io.tidegrad.schemas.UndecodableException the value can't be decoded
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer: try again
    public Event read(RecordDecoder decoder, byte[] value) {
        return read(decoder, Objects.requireNonNull(topic, "the topic of the model's stream"), value);
    }

    /// As `read(RecordDecoder, byte[])`, for a record of another topic.
    public Event read(RecordDecoder decoder, String topic, byte[] value) {
        if (json != null) {
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
