package io.tidegrad.model.feature;

import io.tidegrad.schemas.FieldPath;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// A JSON object's values as an event: objects are maps, arrays are lists. Fields that no feature reads are ignored.
public record MapEvent(Map<String, ?> fields) implements Event {
    private static final int KEPT_MAX = 10_000;

    /// By their texts, which are those of specs.
    private static final Map<String, FieldPath> PATHS = new ConcurrentHashMap<>();

    @Override
    public @Nullable Object get(String field) {
        if (FieldPath.isName(field)) {
            return fields.get(field);
        }
        Object found = path(field).in(fields);
        return found instanceof FieldPath.Misplaced misplaced
                ? new OtherValue("something inside of " + Values.describe(misplaced.found())) : found;
    }

    private static FieldPath path(String field) {
        FieldPath known = PATHS.get(field);
        if (known == null) {
            if (PATHS.size() >= KEPT_MAX) {
                PATHS.clear();
            }
            known = FieldPath.parsedOrName(field);
            PATHS.put(field, known);
        }
        return known;
    }
}
