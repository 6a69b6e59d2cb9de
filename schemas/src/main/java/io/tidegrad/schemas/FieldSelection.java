package io.tidegrad.schemas;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.avro.Schema;
import org.apache.avro.util.WeakIdentityHashMap;
import org.jspecify.annotations.Nullable;

/// The fields that somebody reads of events, and where they lie in each schema that was met. Not thread-safe.
public final class FieldSelection {
    private final List<FieldPath> paths;
    private final @Nullable Integer readerId;
    private @Nullable Schema reader;

    // Weakly, because the registry's cache bounds the memory of all schemas, and nobody may keep what it forgets.
    private final Map<Schema, Planned> plans = new WeakIdentityHashMap<>();

    private int lastId; // of the schema of `last`
    private @Nullable FieldPlan last;

    /// A plan, or why there is none.
    private record Planned(@Nullable FieldPlan plan, @Nullable UndecodableException refusal) {
    }

    /// @param readerId of the schema whose aliases say under which other names a field was written; null for none
    public FieldSelection(List<FieldPath> paths, @Nullable Integer readerId) {
        this.paths = List.copyOf(paths);
        this.readerId = readerId;
    }

    public List<FieldPath> paths() {
        return paths;
    }

    /// The plan for a schema id, if it is the one that was asked for last.
    @Nullable
    FieldPlan last(int id) {
        return id == lastId ? last : null;
    }

    void last(int id, FieldPlan plan) {
        lastId = id;
        last = plan;
    }

    /// @throws SchemaRegistry.RegistryUnavailableException the reader's schema is not known yet, and the registry can't
    ///     be asked, or does not have it: try again
    FieldPlan plan(Schema writer, SchemaRegistry registry) {
        Planned known = plans.get(writer);
        if (known == null) {
            known = planned(writer, reader(registry));
            plans.put(writer, known);
        }
        if (known.plan() == null) {
            throw Objects.requireNonNull(known.refusal());
        }
        return known.plan();
    }

    private Planned planned(Schema writer, @Nullable Schema reader) {
        try {
            return new Planned(FieldPlan.of(writer, reader, paths), null);
        } catch (UndecodableException tooLarge) {
            return new Planned(null, tooLarge);
        }
    }

    private @Nullable Schema reader(SchemaRegistry registry) {
        if (readerId == null || reader != null) {
            return reader;
        }
        try {
            reader = registry.schemaById(readerId);
        } catch (SchemaRegistry.UnknownSchemaException | SchemaRegistry.UnsupportedSchemaException gone) {
            // It is no fault of an event: without it none means what the model learned.
            throw new SchemaRegistry.RegistryUnavailableException("the model reads events by schema id " + readerId
                    + ", expected it in the registry: " + gone.getMessage(), gone);
        }
        return reader;
    }
}
