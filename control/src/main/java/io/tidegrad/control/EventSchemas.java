package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.FieldPlan;
import io.tidegrad.schemas.SchemaPaths;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry.Registered;
import io.tidegrad.schemas.UndecodableException;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;

/// Looks, before a model is registered, whether the schemas of its events have its fields. What is found out is written
/// into the spec that is registered, so that the registry of another day changes nothing (docs/decisions/0015-fields-are-paths.md).
public final class EventSchemas {
    /// Of a subject, newest first. A model that is made for older ones names its schema.
    private static final int VERSIONS_MAX = 100;

    private EventSchemas() {}

    /// Returns the spec that is to be registered.
    ///
    /// @throws ControlException no schema of the events has a field; all such fields, each with the nearest path
    /// @throws SchemaRegistry.RegistryUnavailableException the registry can't be asked
    public static ModelSpec known(ModelSpec spec, SchemaRegistry registry) {
        try {
            return spec.input().format() == ModelSpec.Format.JSON ? spec : found(spec, registry);
        } catch (UndecodableException tooLarge) {
            throw new ControlException(Reason.CONFIGURATION, "model " + spec.model() + ": a schema of "
                    + spec.inputTopic() + "-value: " + tooLarge.getMessage());
        }
    }

    private static ModelSpec found(ModelSpec spec, SchemaRegistry registry) {
        List<Registered> versions = versions(spec, registry);
        ModelSpec.Reader reader = spec.input().reader();
        if (reader instanceof ModelSpec.Reader.Of(int id)) {
            Schema named = named(spec, registry, id);
            List<Registered> all = new ArrayList<>(List.of(new Registered(id, named)));
            all.addAll(versions);
            check(spec, all);
            return spec;
        }
        if (versions.isEmpty()) {
            return reader instanceof ModelSpec.Reader.First ? spec : spec.withReader(ModelSpec.Reader.FIRST);
        }
        boolean inEach = check(spec, versions);
        return inEach || reader instanceof ModelSpec.Reader.First ? spec
                : spec.withReader(new ModelSpec.Reader.Of(versions.getFirst().id()));
    }

    private static List<Registered> versions(ModelSpec spec, SchemaRegistry registry) {
        try {
            return registry.versions(spec.inputTopic() + "-value", VERSIONS_MAX).stream()
                    .filter(version -> version.schema().getType() == Schema.Type.RECORD).toList();
        } catch (SchemaRegistry.UnknownSchemaException | SchemaRegistry.UnsupportedSchemaException unknown) {
            return List.of(); // nobody has written yet, or by subjects with other names
        }
    }

    private static Schema named(ModelSpec spec, SchemaRegistry registry, int id) {
        try {
            Schema schema = registry.schemaById(id);
            if (schema.getType() == Schema.Type.RECORD) {
                return schema;
            }
            throw notThere(spec, id, "one of type " + schema.getType().getName());
        } catch (SchemaRegistry.UnknownSchemaException | SchemaRegistry.UnsupportedSchemaException gone) {
            throw notThere(spec, id, String.valueOf(gone.getMessage()));
        }
    }

    private static ControlException notThere(ModelSpec spec, int id, String found) {
        return new ControlException(Reason.CONFIGURATION,
                "model " + spec.model() + ": input.schema: expected the id of a"
                        + " record's schema in the registry, found " + id + ": " + found);
    }

    /// Returns whether each version has all fields by their own names, and none knows other names for them.
    ///
    /// @param versions the reader's first
    private static boolean check(ModelSpec spec, List<Registered> versions) {
        List<String> fields = spec.fields();
        List<FieldPath> paths = fields.stream().map(FieldPath::parsedOrName).toList();
        Registered newest = versions.getFirst();
        List<FieldPlan> plans =
                versions.stream().map(version -> FieldPlan.of(version.schema(), newest.schema(), paths)).toList();
        List<String> problems = new ArrayList<>();
        boolean inEach = versions.size() < VERSIONS_MAX;
        for (int i = 0; i < paths.size(); i++) {
            int path = i;
            if (plans.stream().noneMatch(plan -> plan.hasValue(path))) {
                boolean isThere = plans.stream().anyMatch(plan -> plan.has(path));
                problems.add("field '" + fields.get(i) + "': expected one of " + newest.schema().getFullName()
                        + " (schema id " + newest.id() + "), or of an earlier schema of " + spec.inputTopic()
                        + "-value, found " + (isThere ? "one that holds others" : "none")
                        + SchemaPaths.hint(paths.get(i), newest.schema()));
            }
            inEach &= !plans.getFirst().isRenamed(path);
        }
        if (!problems.isEmpty()) {
            throw new ControlException(Reason.CONFIGURATION,
                    "model " + spec.model() + ": " + String.join("; ", problems) + ". Correct the spec, or register the"
                            + " schema that has " + (problems.size() == 1 ? "it" : "them") + " first");
        }
        for (Registered version : versions) {
            inEach &= FieldPlan.of(version.schema(), null, paths).lacking() == null;
        }
        return inEach;
    }
}
