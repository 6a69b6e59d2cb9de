package io.tidegrad.model.stream;

import io.tidegrad.model.spec.Flow;
import io.tidegrad.model.spec.Form;
import io.tidegrad.model.spec.Keys;
import io.tidegrad.model.spec.ModelSpec.Format;
import io.tidegrad.model.spec.Problems;
import io.tidegrad.model.spec.SpecException;
import io.tidegrad.model.spec.SpecNode;
import io.tidegrad.model.spec.SpecNode.Mapping;
import io.tidegrad.model.spec.ValueType;
import io.tidegrad.model.spec.YamlTree;
import io.tidegrad.model.stream.StreamSpec.Duplicates;
import io.tidegrad.model.stream.StreamSpec.Events;
import io.tidegrad.model.stream.StreamSpec.Join;
import io.tidegrad.model.stream.StreamSpec.Labels;
import io.tidegrad.model.stream.StreamSpec.Late;
import io.tidegrad.model.stream.StreamSpec.Sample;
import io.tidegrad.schemas.FieldPath;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/// YAML → `StreamSpec`: each section's keys, then what must fit together.
final class StreamSpecReader {
    private static final Pattern STREAM_NAME = Pattern.compile("[a-z0-9-]{1,100}");
    private static final Pattern TOPIC_NAME = Pattern.compile("(?!\\.{1,2}$)[a-zA-Z0-9._-]{1,249}");
    private static final Pattern PATH_TEXT = Pattern.compile("[^\\p{Cntrl}]{1,1000}");

    private static final Duration LONG_TIME = Duration.ofDays(36_500);
    private static final double SHARE_MIN = 0.0001; // the hash has 32 bits: the share is met to 1 in 400,000

    private static final ValueType<String> TOPIC = new ValueType<>(node -> node
            .text("a topic name of 1 to 249 characters a-z, A-Z, 0-9, '.', '_' and '-', not . or ..", TOPIC_NAME),
            Flow::quoted);
    private static final ValueType<String> PATH = new ValueType<>(StreamSpecReader::path, Flow::quoted);
    private static final ValueType<String> KEY =
            new ValueType<>(node -> node.is(StreamSpec.RECORD_KEY) ? StreamSpec.RECORD_KEY : path(node), Flow::quoted);
    private static final ValueType<String> LABEL = new ValueType<>(StreamSpecReader::label, Flow::quoted);
    private static final ValueType<Optional<String>> MISSING =
            new ValueType<>(node -> node.is("drop") ? Optional.empty() : Optional.of(label(node)),
                    missing -> missing.map(Flow::quoted).orElse("drop"));
    private static final ValueType<Duration> WAIT = duration(Duration.ZERO);
    private static final ValueType<Duration> WINDOW = duration(Duration.ofSeconds(1));
    private static final ValueType<Format> FORMAT = ValueType.oneOf(Format.values());
    private static final ValueType<Integer> SCHEMA =
            new ValueType<>(node -> node.integer("the id of a schema", 0, Integer.MAX_VALUE), String::valueOf);

    static final Form<Events> EVENTS = new Form<>("events", Events.class,
            keys -> withoutSchemaInJson(keys,
                    new Events(topic(keys, Events::topic), keys.orNull("key", KEY, Events::key),
                            keys.orNull("event-time", PATH, Events::eventTime),
                            keys.optional("time-unit", TimeUnit.MILLISECONDS, ValueType.TIME_UNIT, Events::timeUnit),
                            keys.optional("format", Format.AVRO, FORMAT, Events::format),
                            keys.orNull("schema", SCHEMA, Events::schema)),
                    events -> events.format() == Format.JSON && events.schema() != null));
    static final Form<Labels> LABELS =
            new Form<>("labels", Labels.class,
                    keys -> withoutSchemaInJson(keys,
                            new Labels(topic(keys, Labels::topic),
                                    keys.required("key", "the path of the id of the event that a label is about", KEY,
                                            Labels::key),
                                    keys.orNull("value", PATH, Labels::value),
                                    keys.orNull("constant", LABEL, Labels::constant),
                                    keys.orNull("event-time", PATH, Labels::eventTime),
                                    keys.optional("time-unit", TimeUnit.MILLISECONDS, ValueType.TIME_UNIT,
                                            Labels::timeUnit),
                                    keys.orNull("retract", PATH, Labels::retract),
                                    keys.optional("format", Format.AVRO, FORMAT, Labels::format),
                                    keys.orNull("schema", SCHEMA, Labels::schema)),
                            labels -> labels.format() == Format.JSON && labels.schema() != null));
    static final Form<Join> JOIN = new Form<>("join", Join.class, StreamSpecReader::join);
    static final Form<Sample> SAMPLE = new Form<>("sample", Sample.class,
            keys -> new Sample(
                    keys.required("negatives", "the share of them to keep, like 0.1",
                            ValueType.decimal("a number from " + Flow.number(SHARE_MIN) + " to below 1",
                                    value -> value >= SHARE_MIN && value < 1),
                            Sample::negatives),
                    keys.required("label", "the common label, like 0", LABEL, Sample::label)));

    private final String yaml;
    private final String source;
    private final Problems problems = new Problems();

    StreamSpecReader(String yaml, String source) {
        this.yaml = yaml;
        this.source = source;
    }

    /// @throws SpecException with every mistake found
    StreamSpec read() {
        Node tree = YamlTree.read(yaml, "stream", problems);
        StreamSpec spec = tree == null ? null : spec(SpecNode.root(tree, problems));
        if (spec == null || !problems.isEmpty()) {
            throw new SpecException(source, problems.lines());
        }
        return spec;
    }

    private static String path(SpecNode node) {
        String text = node.text("a path of at most 1000 characters, without control characters", PATH_TEXT);
        if (text.equals(StreamSpec.RECORD_KEY)) {
            node.problem("the record's key can be the id, and nothing else: expected a field, found "
                    + StreamSpec.RECORD_KEY);
            return text;
        }
        FieldPath path = text.isEmpty() ? null : node.path(text, "id, transaction.id or attributes[channel]");
        if (path != null && path.isOfList()) {
            node.problem("expected a path that leads to one value, found one with [], which stands for all elements");
        }
        return text;
    }

    private static <T> T withoutSchemaInJson(Keys<T> keys, T part, Predicate<T> isInBoth) {
        if (isInBoth.test(part)) {
            keys.problem("schema", "only for values in Avro: those in JSON have no schema");
        }
        return part;
    }

    private static String label(SpecNode node) {
        String label = node.text("a label");
        int length = label.getBytes(StandardCharsets.UTF_8).length;
        if (length > LabelText.BYTES_MAX) {
            node.problem("expected a label of at most " + LabelText.BYTES_MAX + " bytes, found " + length);
        }
        if (!node.isNumber()) {
            return label;
        }
        if (!Double.isFinite(Double.parseDouble(label))) {
            node.problem("expected a label that is text or a finite number, found " + label);
        }
        return LabelText.ofNumber(label);
    }

    private static ValueType<Duration> duration(Duration min) {
        return new ValueType<>(node -> {
            Duration value = node.duration(min, LONG_TIME);
            if (value.toNanosPart() % 1_000_000 != 0) {
                node.problem("expected whole milliseconds, found " + value);
            }
            return value;
        }, Duration::toString);
    }

    private static <T> String topic(Keys<T> keys, Function<T, String> of) {
        return keys.required("topic", "the name of a topic", TOPIC, of);
    }

    private static Join join(Keys<Join> keys) {
        Duration wait =
                keys.required("wait", "how long an event waits for its label, like PT30M", WAIT, Join::waitTime);
        Optional<String> missing = keys.required("missing",
                "the label of an event that has none by then, like 0, or drop", MISSING, Join::missing);
        Duration window = keys.required("window", "how long an event's label can come or change, like P30D", WINDOW,
                Join::window);
        Late late = keys.optional("late", Late.CORRECT, ValueType.oneOf(Late.values()), Join::late);
        Duplicates duplicates =
                keys.optional("duplicates", Duplicates.FIRST, ValueType.oneOf(Duplicates.values()), Join::duplicates);
        return new Join(wait, missing, window, late, duplicates);
    }

    private @Nullable StreamSpec spec(SpecNode root) {
        Mapping keys =
                root.mapping("stream", "events", "labels", "label", "weight", "join", "sample", "align", "examples");
        if (!root.isMapping()) {
            return null;
        }
        String stream = keys.required("stream", "the stream's name")
                .text("a name of 1 to 100 characters a-z, 0-9 and -", STREAM_NAME);
        Events events = EVENTS.read(keys.required("events", "events: { topic: … }"));
        Labels labels = section(LABELS, keys.optional("labels"));
        SpecNode label = keys.optional("label");
        String labelPath = label == null ? null : path(label);
        SpecNode weight = keys.optional("weight");
        String weightPath = weight == null ? null : path(weight);
        int before = problems.count();
        Join join = section(JOIN, keys.optional("join"));
        boolean joinIsSound = problems.count() == before;
        Sample sample = section(SAMPLE, keys.optional("sample"));
        SpecNode align = keys.optional("align");
        Duration alignment = align == null ? StreamSpec.ALIGN : align.duration(Duration.ofSeconds(1), LONG_TIME);
        SpecNode examples = keys.optional("examples");
        SpecNode retention = examples == null ? null : examples.mapping("retention").optional("retention");
        Duration retained =
                retention == null ? StreamSpec.RETENTION : retention.duration(Duration.ofHours(1), LONG_TIME);
        fit(root, keys, Objects.requireNonNull(events), labels, joinIsSound ? join : null);
        return problems.isEmpty()
                ? new StreamSpec(stream, events, labels, labelPath, weightPath, join, sample, alignment, retained, yaml)
                : null;
    }

    private static <T> @Nullable T section(Form<T> form, @Nullable SpecNode node) {
        return node == null ? null : form.read(node);
    }

    private static void fit(SpecNode root, Mapping keys, Events events, @Nullable Labels labels, @Nullable Join join) {
        SpecNode labelsNode = keys.optional("labels");
        SpecNode label = keys.optional("label");
        SpecNode joinNode = keys.optional("join");
        if (labelsNode != null && label != null) {
            label.problem("labels and label exclude one another: keep labels if they come from another topic,"
                    + " label if it is in the event");
        }
        if (labelsNode == null && label == null) {
            root.problem("the label is missing; expected labels: { topic: … } if labels come from another topic,"
                    + " or label: PATH if the label is in the event");
        }
        if (labelsNode != null && joinNode == null) {
            root.problem("the key 'join' is missing; expected join: { wait: …, missing: …, window: … }");
        }
        if (labelsNode == null && joinNode != null) {
            joinNode.problem("is for labels from another topic; expected labels: { topic: … } beside it");
        }
        if (labels != null && labelsNode != null && labelsNode.isMapping()) {
            if (labels.value() == null && labels.constant() == null) {
                labelsNode.problem("the key 'value' is missing; expected the path of the label, or constant: 1"
                        + " if a record means a label by being there");
            } else if (labels.value() != null && labels.constant() != null) {
                labelsNode.problem("value and constant exclude one another: keep value if the label is in a field,"
                        + " constant if each record means the same");
            }
        }
        if (labels != null && !labels.topic().isEmpty() && labels.topic().equals(events.topic())
                && labelsNode != null) {
            labelsNode.problem("expected another topic than that of the events, found '" + labels.topic() + "' again");
        }
        SpecNode eventsNode = keys.optional("events");
        if (events.key() == null && eventsNode != null && eventsNode.isMapping()) {
            if (labelsNode != null) {
                eventsNode.problem("the key 'key' is missing; expected the path of the id that labels name," + " or "
                        + StreamSpec.RECORD_KEY);
            } else if (keys.optional("sample") != null) {
                eventsNode.problem("the key 'key' is missing; expected the path of an id:"
                        + " its hash decides which examples are kept");
            }
        }
        if (join != null && joinNode != null && join.waitTime().compareTo(join.window()) > 0) {
            joinNode.problem("expected wait to be at most window, found " + join.waitTime() + " and " + join.window());
        }
    }
}
