package io.tidegrad.model.feature;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A JSON object's values as an event. Names that no feature reads are nobody's business here.
public record MapEvent(Map<String, ?> fields) implements Event {
    @Override
    public @Nullable Object get(String field) {
        return fields.get(field);
    }
}
