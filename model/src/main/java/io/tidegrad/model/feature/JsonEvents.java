package io.tidegrad.model.feature;

import com.fasterxml.jackson.core.JsonParser;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.FieldTree;
import io.tidegrad.schemas.JsonRecord;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Reads events in JSON. What can't be where it is becomes a value of which no feature can be made.
public final class JsonEvents {
    private final FieldTree tree;
    private final Policy policy;

    private record Policy(Set<String> pixels) implements JsonRecord.Policy {
        /// Pixels in text are bytes in base64.
        @Override
        public Object text(String field, String text) {
            if (!pixels.contains(field)) {
                return text;
            }
            try {
                return Base64.getDecoder().decode(text);
            } catch (IllegalArgumentException notBase64) {
                return new OtherValue("text that is not base64");
            }
        }

        @Override
        public String whole(String text) {
            if (JsonRecord.halfCharacter(text) >= 0) {
                throw JsonRecord.malformed("expected text, found half a character");
            }
            return text;
        }

        @Override
        public Object misplaced(String path, String found, JsonParser parser) {
            return new OtherValue(found);
        }
    }

    /// Events of which no feature is made.
    JsonEvents(List<String> fields) {
        tree = FieldTree.of(fields);
        policy = new Policy(Set.of());
    }

    public JsonEvents(ModelSpec spec) {
        tree = FieldTree.of(spec.fields());
        Set<String> pixels = new HashSet<>();
        for (Feature feature : spec.features()) {
            if (feature instanceof Feature.Pixels image) {
                pixels.add(image.field());
            }
        }
        policy = new Policy(pixels);
    }

    /// @throws io.tidegrad.schemas.UndecodableException the value is no object in JSON
    public Event read(byte[] value) {
        return new MapEvent(JsonRecord.event(value, tree, policy));
    }
}
