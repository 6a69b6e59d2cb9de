package io.tidegrad.model.feature;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A JSON object's values as an event. Fields that no feature reads are ignored.
public record MapEvent(Map<String, ?> fields) implements Event {
    @Override
    public @Nullable Object get(String field) {
        return fields.get(field);
    }
}
