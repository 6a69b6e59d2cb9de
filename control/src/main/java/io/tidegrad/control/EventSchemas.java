package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.SpecException;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.FieldPlan;
import io.tidegrad.schemas.SchemaPaths;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry.Registered;
import io.tidegrad.schemas.UndecodableException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/// Looks, before a model or a stream is registered, whether the schemas of its events have its fields. What is found out
/// is written into the spec that is registered, so that the registry of another day changes nothing
/// (docs/decisions/0015-fields-are-paths.md).
public final class EventSchemas {
    /// Of a subject, newest first. Who reads older ones names a schema.
    private static final int VERSIONS_MAX = 100;

    private final SchemaRegistry registry;
    private final String whose; // `model NAME`, for messages
    private final List<String> problems = new ArrayList<>();

    private EventSchemas(SchemaRegistry registry, String whose) {
        this.registry = registry;
        this.whose = whose;
    }

    /// @param topic that the fields are read from
    /// @param section of the spec that names the schema
    /// @param schema id of the one that the spec names; null for none
    /// @param takesLists whether a list can be read
    private record Reading(String topic, String section, List<String> fields, @Nullable Integer schema,
            boolean takesLists) {
        List<FieldPath> paths() {
            return fields.stream().map(FieldPath::parsedOrName).toList();
        }
    }

    /// Returns the spec that is to be registered, of a model that learns from a topic of events.
    ///
    /// @throws ControlException no schema of the events has a field; all such fields, each with the nearest path
    /// @throws SchemaRegistry.RegistryUnavailableException the registry can't be asked
    public static ModelSpec known(ModelSpec spec, SchemaRegistry registry) {
        return known(spec, spec.inputTopic(), registry);
    }

    /// Returns the spec that is to be registered, of a model that learns from a topic of events or from an epoch of
    /// a stream, whose topic it has (see [ControlLog.View#placed]).
    ///
    /// @param view what is decided, with the stream of the spec
    /// @throws ControlException no schema of the events has a field; or there is no such stream, or its events are in
    ///     another format than the model's
    /// @throws SchemaRegistry.RegistryUnavailableException the registry can't be asked
    public static ModelSpec known(ModelSpec spec, ControlLog.View view, SchemaRegistry registry) {
        StreamSpec stream = stream(spec, view);
        return stream == null ? known(spec, registry) : known(spec, stream, registry);
    }

    private static @Nullable StreamSpec stream(ModelSpec spec, ControlLog.View view) {
        String stream = spec.stream();
        if (stream == null) {
            return null;
        }
        StreamState state = view.requireStream(stream, "model " + spec.model() + ", input.stream: ");
        return Objects.requireNonNullElse(state.on(spec.inputTopic()), state.epochs().getLast()).spec();
    }

    /// Checks of a spec that is to be registered what is known without a registry.
    ///
    /// @throws ControlException the model does not fit its stream
    public static void requireFit(ModelSpec spec, ControlLog.View view) {
        StreamSpec stream = stream(spec, view);
        if (stream != null) {
            requireFit(spec, stream);
        }
    }

    /// Returns the spec that is to be registered, of a model that learns from a stream: an example's value is the event.
    ///
    /// @throws ControlException as for a topic of events; or the stream's events are in another format than the model's,
    ///     or a feature reads the label in them
    /// @throws SchemaRegistry.RegistryUnavailableException the registry can't be asked
    public static ModelSpec known(ModelSpec spec, StreamSpec stream, SchemaRegistry registry) {
        requireFit(spec, stream);
        return known(spec, stream.events().topic(), registry);
    }

    private static void requireFit(ModelSpec spec, StreamSpec stream) {
        ModelSpec.Format format = stream.events().format();
        if (format != spec.input().format()) {
            boolean isJson = format == ModelSpec.Format.JSON;
            throw new ControlException(Reason.CONFIGURATION, "model " + spec.model()
                    + ": expected the format of the events of stream " + stream.stream()
                    + (isJson ? ", JSON, found Avro: write input: { stream: " + stream.stream() + ", format: json }"
                            : ", Avro, found JSON: leave input.format out"));
        }
        List<String> reads;
        try {
            reads = stream.label() == null ? List.of() : spec.labelReads(stream.label());
        } catch (SpecException allowedInVain) {
            reads = allowedInVain.problems();
        }
        if (!reads.isEmpty()) {
            throw new ControlException(Reason.CONFIGURATION,
                    "model " + spec.model() + " of stream " + stream.stream() + ": " + String.join("; ", reads));
        }
    }

    private static ModelSpec known(ModelSpec spec, String topic, SchemaRegistry registry) {
        if (spec.input().format() == ModelSpec.Format.JSON) {
            return spec;
        }
        EventSchemas schemas = new EventSchemas(registry, "model " + spec.model());
        ModelSpec.Reader reader = spec.input().reader();
        Integer named = reader instanceof ModelSpec.Reader.Of(int id) ? id : null;
        Found found = schemas.found(new Reading(topic, "input", spec.fields(), named, true));
        schemas.refuse();
        if (!(reader instanceof ModelSpec.Reader.Any) || found instanceof Found.InEach) {
            return spec;
        }
        return spec.withReader(
                found instanceof Found.InSome(int newest) ? new ModelSpec.Reader.Of(newest) : ModelSpec.Reader.FIRST);
    }

    /// Returns the spec of a stream that is to be registered. Where the registry knows no schema of a topic, nothing is
    /// refused and nothing is written: a record without its id, time, weight or label goes to the dead letters.
    ///
    /// @throws ControlException no schema of the events or labels has a field; all such fields, each with the nearest path
    /// @throws SchemaRegistry.RegistryUnavailableException the registry can't be asked
    public static StreamSpec known(StreamSpec spec, SchemaRegistry registry) {
        EventSchemas schemas = new EventSchemas(registry, "stream " + spec.stream());
        StreamSpec.Events events = spec.events();
        Integer eventsSchema = events.format() == ModelSpec.Format.JSON ? null
                : schemas.newest(new Reading(events.topic(), "events", spec.eventPaths(), events.schema(), false));
        StreamSpec.Labels labels = spec.labels();
        Integer labelsSchema = labels == null || labels.format() == ModelSpec.Format.JSON ? null
                : schemas.newest(new Reading(labels.topic(), "labels", spec.labelPaths(), labels.schema(), false));
        schemas.refuse();
        return spec.withSchemas(eventsSchema, labelsSchema);
    }

    /// What the versions of a subject say about some fields.
    private sealed interface Found {
        /// The registry knows no version.
        record Nowhere() implements Found {
        }

        /// Each version has all fields by their own names, and none knows other names for them.
        record InEach() implements Found {
        }

        /// @param newest id of the newest version, or of the one that the spec names
        record InSome(int newest) implements Found {
        }
    }

    /// The schema to write into a spec that names none; null for none.
    private @Nullable Integer newest(Reading reading) {
        Found found = reading.fields.isEmpty() ? new Found.InEach() : found(reading);
        return found instanceof Found.InSome(int newest) && reading.schema == null ? newest : null;
    }

    private void refuse() {
        if (!problems.isEmpty()) {
            throw new ControlException(Reason.CONFIGURATION,
                    whose + ": " + String.join("; ", problems) + ". Correct the spec, or register the"
                            + " schema that has " + (problems.size() == 1 ? "it" : "them") + " first");
        }
    }

    private Found found(Reading reading) {
        List<Registered> versions = new ArrayList<>();
        Integer named = reading.schema;
        if (named != null) {
            versions.add(new Registered(named, named(reading, named)));
        }
        versions.addAll(versions(reading));
        if (versions.isEmpty()) {
            return new Found.Nowhere();
        }
        try {
            return check(reading, versions) ? new Found.InEach() : new Found.InSome(versions.getFirst().id());
        } catch (UndecodableException tooLarge) {
            throw new ControlException(Reason.CONFIGURATION,
                    whose + ": a schema of " + reading.topic + "-value: " + tooLarge.getMessage());
        }
    }

    private List<Registered> versions(Reading reading) {
        try {
            return registry.versions(reading.topic + "-value", VERSIONS_MAX).stream()
                    .filter(version -> version.schema().getType() == Schema.Type.RECORD).toList();
        } catch (SchemaRegistry.UnknownSchemaException unknown) {
            return List.of(); // nobody has written yet, or by subjects with other names
        } catch (SchemaRegistry.UnsupportedSchemaException notAvro) {
            if (reading.schema != null) {
                return List.of();
            }
            throw new ControlException(Reason.CONFIGURATION, whose + ": " + reading.section
                    + ": expected events in Avro in topic " + reading.topic + ", found: " + notAvro.getMessage());
        }
    }

    private Schema named(Reading reading, int id) {
        try {
            Schema schema = registry.schemaById(id);
            if (schema.getType() == Schema.Type.RECORD) {
                return schema;
            }
            throw notThere(reading, id, "one of type " + schema.getType().getName());
        } catch (SchemaRegistry.UnknownSchemaException | SchemaRegistry.UnsupportedSchemaException gone) {
            throw notThere(reading, id, String.valueOf(gone.getMessage()));
        }
    }

    private ControlException notThere(Reading reading, int id, String found) {
        return new ControlException(Reason.CONFIGURATION, whose + ": " + reading.section
                + ".schema: expected the id of a record's schema in the registry, found " + id + ": " + found);
    }

    /// Returns whether each version has all fields by their own names, and none knows other names for them.
    ///
    /// @param versions the reader's first
    private boolean check(Reading reading, List<Registered> versions) {
        List<FieldPath> paths = reading.paths();
        Registered newest = versions.getFirst();
        List<FieldPlan> plans =
                versions.stream().map(version -> FieldPlan.of(version.schema(), newest.schema(), paths)).toList();
        boolean inEach = versions.size() < VERSIONS_MAX;
        for (int i = 0; i < paths.size(); i++) {
            int path = i;
            if (plans.stream().noneMatch(plan -> plan.hasValue(path) && (reading.takesLists || !plan.isList(path)))) {
                problems.add("field '" + reading.fields.get(i) + "': expected one of " + newest.schema().getFullName()
                        + " (schema id " + newest.id() + "), or of an earlier schema of " + reading.topic
                        + "-value, found " + what(plans, paths.get(i), path, newest.schema()));
            }
            inEach &= !plans.getFirst().isRenamed(path);
        }
        for (Registered version : versions) {
            inEach &= FieldPlan.of(version.schema(), null, paths).lacking() == null;
        }
        return inEach;
    }

    private static String what(List<FieldPlan> plans, FieldPath path, int index, Schema newest) {
        if (plans.stream().anyMatch(plan -> plan.isList(index) && plan.hasValue(index))) {
            return "a list";
        }
        return (plans.stream().anyMatch(plan -> plan.has(index)) ? "one that holds others" : "none")
                + SchemaPaths.hint(path, newest);
    }
}
