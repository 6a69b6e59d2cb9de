package io.tidegrad.model.stream;

import io.tidegrad.model.spec.Flow;
import io.tidegrad.model.spec.SpecText;
import io.tidegrad.model.spec.ModelSpec.Format;
import io.tidegrad.model.spec.SpecException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// One stream's spec, parsed from one YAML file and validated whole. Immutable. docs/streams.md explains each key.
///
/// ```yaml
/// stream: card-payments                # * [a-z0-9-]{1,100}: part of topic names
/// events:                              # *
///   topic: payments                    # * any number of partitions
///   key: transaction.id                # * with labels or sample; @key is the record's key
///   event-time: authorized_at          # the record's timestamp unless given
///   time-unit: milliseconds | seconds | microseconds | nanoseconds   # of an event-time that is a plain number
///   format: avro | json
///   schema: 17                         # the schema that the paths were found in; written at registration
/// labels:                              # labels from another topic; or `label`
///   topic: chargebacks                 # *
///   key: transaction_id                # *
///   value: fraud                       # the label; this or `constant`
///   constant: 1                        # the label of each record that is there
///   event-time: reported_at            # the record's timestamp unless given
///   retract: withdrawn                 # where this is true, the label is taken back; so it is by a null value
///   format: avro | json
///   schema: 18
/// label: fraud                         # the label in the event; or `labels`
/// weight: amount                       # how much an event counts; each counts 1 unless given
/// join:                                # * with labels
///   wait: PT30M                        # * how long an event waits for its label
///   missing: 0                         # * the label of an event that has none by then; drop: no example
///   window: P30D                       # * how long an event's label can come or change
///   late: correct | drop
///   duplicates: first | last
/// sample: { negatives: 0.1, label: 0 } # keep this share of the examples with this label
/// align: PT10M                         # not part of the fingerprint
/// examples: { retention: P90D }        # not part of the fingerprint
/// ```
///
/// @param label path of the label in the event; null when labels come from another topic
/// @param weight path of the weight in the event; null when each event counts 1
/// @param align how much further than others a partition may be read, in event time
/// @param retention how long examples are kept
/// @param yaml the text as the user wrote it
public record StreamSpec(String stream, Events events, @Nullable Labels labels, @Nullable String label,
        @Nullable String weight, @Nullable Join join, @Nullable Sample sample, Duration align, Duration retention,
        String yaml) {
    /// Stands in place of a path for the record's key, read as UTF-8 text.
    public static final String RECORD_KEY = "@key";

    static final Duration ALIGN = Duration.ofMinutes(10);
    static final Duration RETENTION = Duration.ofDays(90);

    /// What becomes of a label, a change or a retraction that comes after `wait`.
    public enum Late {
        CORRECT, DROP
    }

    /// Which of several records about one id counts.
    public enum Duplicates {
        FIRST, LAST
    }

    /// @param key path of the id; null when examples have the event's own key
    /// @param eventTime path; null for the record's timestamp
    /// @param timeUnit what it counts where it is a number
    /// @param schema id of the schema by whose names and aliases paths are found too; null for none
    public record Events(String topic, @Nullable String key, @Nullable String eventTime, TimeUnit timeUnit,
            Format format, @Nullable Integer schema) {
    }

    /// @param key path of the id of the event that the label is about
    /// @param value path of the label
    /// @param eventTime path; null for the record's timestamp
    /// @param retract path of what says that the label is taken back; null when only a null value says that
    /// @param schema as that of `Events`
    public record Labels(String topic, String key, @Nullable String value, @Nullable String constant,
            @Nullable String eventTime, TimeUnit timeUnit, @Nullable String retract, Format format,
            @Nullable Integer schema) {
    }

    /// @param waitTime `wait`: how long, from its event time on, an event waits for a label
    /// @param missing label of an event without one by then; empty: such an event gives no example
    /// @param window how long, from its event time on, an event is remembered
    public record Join(Duration waitTime, Optional<String> missing, Duration window, Late late, Duplicates duplicates) {
    }

    /// @param negatives the share of the examples with `label` that is kept
    /// @param label the common one
    public record Sample(double negatives, String label) {
    }

    /// @param source named in messages (a file name)
    /// @throws SpecException with every mistake found: line, expected, found
    public static StreamSpec parse(String yaml, String source) {
        return new StreamSpecReader(yaml, source).read();
    }

    /// The paths of the events that are read: id, event time, weight and label, as far as the spec names them.
    public List<String> eventPaths() {
        return Stream.of(events.key(), events.eventTime(), weight, label).filter(StreamSpec::isPath).distinct()
                .toList();
    }

    /// The paths of the labels that are read; none without a topic of labels.
    public List<String> labelPaths() {
        return labels == null ? List.of()
                : Stream.of(labels.key(), labels.value(), labels.eventTime(), labels.retract())
                        .filter(StreamSpec::isPath).distinct().toList();
    }

    private static boolean isPath(@Nullable String path) {
        return path != null && !path.equals(RECORD_KEY);
    }

    /// The same stream, whose paths are found by these schemas, too. The text says so.
    ///
    /// @param events null: as it was
    /// @param labels null: as it was
    public StreamSpec withSchemas(@Nullable Integer events, @Nullable Integer labels) {
        String text = yaml;
        text = events == null ? text : SpecText.with(text, "events", "schema", events.toString());
        text = labels == null ? text : SpecText.with(text, "labels", "schema", labels.toString());
        return text.equals(yaml) ? this : parse(text, "the spec of " + stream);
    }

    /// This spec as it was registered: a file does not say by which schemas its paths were found then.
    public StreamSpec asRegistered(StreamSpec registered) {
        Labels theirs = registered.labels;
        return withSchemas(events.schema() == null ? registered.events.schema() : null,
                labels == null || labels.schema() != null || theirs == null ? null : theirs.schema());
    }

    /// One spec, one text: keys in fixed order, values equal to defaults left out, every text quoted. Itself a valid
    /// spec. It says all that decides which examples there are, and not `align` and `examples`, which don't.
    public String canonical() {
        StringBuilder text = new StringBuilder();
        line(text, "stream", Flow.quoted(stream));
        line(text, "events", StreamSpecReader.EVENTS.keysOf(events).toString());
        if (labels != null) {
            line(text, "labels", StreamSpecReader.LABELS.keysOf(labels).toString());
        }
        if (label != null) {
            line(text, "label", Flow.quoted(label));
        }
        if (weight != null) {
            line(text, "weight", Flow.quoted(weight));
        }
        if (join != null) {
            line(text, "join", StreamSpecReader.JOIN.keysOf(join).toString());
        }
        if (sample != null) {
            line(text, "sample", StreamSpecReader.SAMPLE.keysOf(sample).toString());
        }
        return text.toString();
    }

    private static void line(StringBuilder text, String key, String value) {
        text.append(key).append(": ").append(value).append('\n');
    }

    /// SHA-256 of the canonical form, 32 bytes. Another fingerprint is another policy, which needs an epoch of its own.
    public byte[] fingerprint() {
        try {
            return MessageDigest.getInstance("SHA-256").digest(canonical().getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException everyJavaHasIt) {
            throw new IllegalStateException(everyJavaHasIt);
        }
    }
}
