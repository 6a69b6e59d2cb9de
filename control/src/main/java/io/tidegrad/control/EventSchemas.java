package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.SpecException;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.FieldPlan.Kind;
import io.tidegrad.schemas.FieldPlan;
import io.tidegrad.schemas.SchemaPaths;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry.Registered;
import io.tidegrad.schemas.UndecodableException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
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

    /// What is made of a field.
    private enum Use {
        VALUE("one value", EnumSet.allOf(Kind.class), EnumSet.noneOf(Kind.class)),
        NUMBER("a number", EnumSet.of(Kind.NUMBER, Kind.FLAG), EnumSet.noneOf(Kind.class)),
        AMOUNT("a number", EnumSet.of(Kind.NUMBER), EnumSet.noneOf(Kind.class)),
        WEIGHT("a weight, which is a number", EnumSet.of(Kind.NUMBER), EnumSet.noneOf(Kind.class)),
        TIME("a time", EnumSet.of(Kind.NUMBER, Kind.TEXT), EnumSet.noneOf(Kind.class)),
        /// A time by whose number a spec says what it counts.
        COUNTED_TIME("a time", EnumSet.of(Kind.NUMBER, Kind.TEXT), EnumSet.noneOf(Kind.class)),
        NUMBERS("a list of numbers", EnumSet.noneOf(Kind.class), EnumSet.of(Kind.NUMBER)),
        VALUES("a list", EnumSet.noneOf(Kind.class), EnumSet.allOf(Kind.class)),
        PIXELS("bytes or a list of numbers", EnumSet.of(Kind.BYTES), EnumSet.of(Kind.NUMBER));

        final String words;
        final Set<Kind> alone;
        final Set<Kind> listed;

        Use(String words, Set<Kind> alone, Set<Kind> listed) {
            this.words = words;
            this.alone = alone;
            this.listed = listed;
        }

        boolean fits(FieldPlan plan, int path) {
            return !Collections.disjoint(plan.kinds(path, false), alone)
                    || !Collections.disjoint(plan.kinds(path, true), listed);
        }
    }

    /// @param topic that the fields are read from
    /// @param section of the spec that names the schema
    /// @param uses of the fields, by their paths
    /// @param schema id of the one that the spec names; null for none
    private record Reading(String topic, String section, Map<String, Set<Use>> uses, @Nullable Integer schema) {
        List<String> fields() {
            return List.copyOf(uses.keySet());
        }

        List<FieldPath> paths() {
            return uses.keySet().stream().map(FieldPath::parsedOrName).toList();
        }
    }

    private static void add(Map<String, Set<Use>> uses, @Nullable String field, Use use) {
        if (field != null && !field.equals(StreamSpec.RECORD_KEY)) {
            uses.computeIfAbsent(field, unused -> EnumSet.noneOf(Use.class)).add(use);
        }
    }

    private static Map<String, Set<Use>> uses(ModelSpec spec) {
        Map<String, Set<Use>> uses = new LinkedHashMap<>();
        for (Feature feature : spec.features()) {
            switch (feature) {
                case Feature.Number number -> add(uses, number.field(), Use.NUMBER);
                case Feature.Category category -> category.fields().forEach(field -> add(uses, field, Use.VALUE));
                case Feature.Cross cross -> cross.crossed().forEach(of -> add(uses, of.field(),
                        of.isTime() ? time(of.timeUnit()) : of.isNumber() ? Use.NUMBER : Use.VALUE));
                case Feature.TimePart time -> add(uses, time.field(), time(time.timeUnit()));
                case Feature.Cyclic cyclic ->
                    add(uses, cyclic.field(), cyclic.part() == null ? Use.NUMBER : time(cyclic.timeUnit()));
                case Feature.Pixels pixels -> add(uses, pixels.field(), Use.PIXELS);
                case Feature.Sequence sequence -> add(uses, sequence.field(), Use.NUMBERS);
                case Feature.Categories list -> add(uses, list.field(), list.cut() == null ? Use.VALUES : Use.VALUE);
                case Feature.Vocabulary vocabulary -> add(uses, vocabulary.field(), Use.VALUE);
                case Feature.Quantiles quantiles -> add(uses, quantiles.field(), Use.NUMBER);
                case Feature.History history -> {
                    history.key().forEach(field -> add(uses, field, Use.VALUE));
                    add(uses, history.field(), Use.NUMBER);
                    add(uses, history.time(), time(history.timeUnit()));
                }
                case Feature.ShiftedLabel shifted -> add(uses, shifted.field(), Use.NUMBERS);
                case Feature.Bag bag -> {
                    add(uses, bag.field(), bag.cut() == null ? Use.VALUES : Use.VALUE);
                    add(uses, bag.weights(), Use.NUMBERS);
                }
            }
        }
        add(uses, spec.label().field(), label(spec));
        add(uses, spec.input().eventTime(), time(spec.input().timeUnit()));
        add(uses, spec.weightField(), Use.WEIGHT);
        return uses;
    }

    private static Use time(TimeUnit unit) {
        return unit == TimeUnit.MILLISECONDS ? Use.TIME : Use.COUNTED_TIME;
    }

    private static Use label(ModelSpec spec) {
        ModelSpec.Label label = spec.label();
        return switch (spec.loss()) {
            case Ctc _ -> Use.NUMBERS;
            case CategoricalCrossEntropy _ -> label.isList() ? Use.NUMBERS : label.isText() ? Use.VALUE : Use.AMOUNT;
            case BinaryCrossEntropy _,Hinge _,FakeNegativeWeighted _ ->
                label.isText() ? Use.VALUE : label.threshold() != null ? Use.AMOUNT : Use.NUMBER;
            case MeanSquaredError _,MeanAbsoluteError _,Huber _,Poisson _,Quantile _ -> Use.AMOUNT;
        };
    }

    private static Map<String, Set<Use>> ofEvents(StreamSpec spec) {
        Map<String, Set<Use>> uses = new LinkedHashMap<>();
        add(uses, spec.events().key(), Use.VALUE);
        add(uses, spec.events().eventTime(), time(spec.events().timeUnit()));
        add(uses, spec.weight(), Use.WEIGHT);
        add(uses, spec.label(), Use.VALUE);
        return uses;
    }

    private static Map<String, Set<Use>> ofLabels(StreamSpec.Labels labels) {
        Map<String, Set<Use>> uses = new LinkedHashMap<>();
        add(uses, labels.key(), Use.VALUE);
        add(uses, labels.value(), Use.VALUE);
        add(uses, labels.eventTime(), time(labels.timeUnit()));
        add(uses, labels.retract(), Use.VALUE);
        return uses;
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

    /// The stream that a model learns from, in the epoch whose topic the spec has; null: it learns from a topic of events.
    ///
    /// @throws ControlException there is no such stream
    public static @Nullable StreamSpec stream(ModelSpec spec, ControlLog.View view) {
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
        if (spec.isOpen()) {
            throw new ControlException(Reason.CONFIGURATION, "model " + spec.model()
                    + ": expected a list of features, found features: auto, which only stands for one where events or"
                    + " their schema can be read; take what spec suggest says");
        }
        if (spec.input().format() == ModelSpec.Format.JSON) {
            return spec;
        }
        EventSchemas schemas = new EventSchemas(registry, "model " + spec.model());
        ModelSpec.Reader reader = spec.input().reader();
        Integer named = reader instanceof ModelSpec.Reader.Of(int id) ? id : null;
        Found found = schemas.found(new Reading(topic, "input", uses(spec), named));
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
                : schemas.newest(new Reading(events.topic(), "events", ofEvents(spec), events.schema()));
        StreamSpec.Labels labels = spec.labels();
        Integer labelsSchema = labels == null || labels.format() == ModelSpec.Format.JSON ? null
                : schemas.newest(new Reading(labels.topic(), "labels", ofLabels(labels), labels.schema()));
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
        Found found = reading.uses.isEmpty() ? new Found.InEach() : found(reading);
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
        List<String> fields = reading.fields();
        for (int i = 0; i < paths.size(); i++) {
            int path = i;
            String where = newest.schema().getFullName() + " (schema id " + newest.id()
                    + "), or of an earlier schema of " + reading.topic + "-value, found ";
            if (plans.stream().noneMatch(plan -> plan.hasValue(path))) {
                problems.add("field '" + fields.get(i) + "': expected one of " + where
                        + (plans.stream().anyMatch(plan -> plan.has(path)) ? "one that holds others" : "none")
                        + SchemaPaths.hint(paths.get(i), newest.schema()));
            } else {
                Objects.requireNonNull(reading.uses.get(fields.get(i))).stream()
                        .filter(use -> plans.stream().noneMatch(plan -> use.fits(plan, path))).limit(1)
                        .forEach(use -> problems.add("field '" + fields.get(path) + "': expected " + use.words + " of "
                                + where + found(plans, path)));
            }
            if (plans.getFirst().isTime(path)
                    && Objects.requireNonNull(reading.uses.get(fields.get(i))).contains(Use.COUNTED_TIME)) {
                problems.add("field '" + fields.get(i) + "': expected a plain number, because time-unit says what it"
                        + " counts, or no time-unit; found a date or timestamp of Avro, whose type says that, in "
                        + newest.schema().getFullName() + " (schema id " + newest.id() + ")");
            }
            inEach &= !plans.getFirst().isRenamed(path);
        }
        for (Registered version : versions) {
            inEach &= FieldPlan.of(version.schema(), null, paths).lacking() == null;
        }
        return inEach;
    }

    /// `a number`, `a list of text`.
    private static String found(List<FieldPlan> plans, int path) {
        return Stream.of(false, true).flatMap(inList -> Arrays.stream(Kind.values())
                .filter(kind -> plans.stream().anyMatch(plan -> plan.kinds(path, inList).contains(kind)))
                .map(kind -> (inList ? "a list of " + kind.words().replace("a number", "numbers") : kind.words())))
                .collect(Collectors.joining(" or "));
    }
}
