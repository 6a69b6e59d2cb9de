package io.tidegrad.schemas;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Every topic of ours, once; the prefix is configurable (default `tidegrad`).
public record Topics(String prefix) {
    public static final Topics DEFAULT = new Topics("tidegrad");

    /// The name that the trainer's topology gives to its state store, the live model.
    public static final String MODEL_STORE = "model";

    /// The names that the joiner's topology gives to its repartition topic and to the state store that is logged.
    public static final String BY_KEY = "by-key";
    public static final String ENTRIES_STORE = "entries";

    /// model → `CatalogRecord`: current spec and stage; own binary format, compacted.
    public String models() {
        return prefix + ".models";
    }

    /// model → `ControlRecord` and `stream:NAME` → `StreamRecord`, own binary formats; append-only, kept for ever.
    public String control() {
        return prefix + ".control";
    }

    /// process → `ProcessStatus`, what each scorer serves as it says itself; own binary format; kept for an hour.
    public String status() {
        return prefix + ".status";
    }

    /// Of whoever writes to `control` and `models`: one at a time.
    public String controlTransactionalId() {
        return prefix + "-control";
    }

    /// `SnapshotKey` → manifest, part or heartbeat; own binary format; compacted + tombstones.
    public String snapshots(String model) {
        return prefix + ".snapshots." + model;
    }

    /// model → `Progress` (Avro).
    public String progress() {
        return prefix + ".progress";
    }

    /// id → the event's value, what the join knows in headers: a stream's log, with one partition; append-only.
    public String examples(String stream, int epoch) {
        return prefix + ".examples." + stream + "." + epoch;
    }

    /// original key and value untouched, reason and coordinates in `tidegrad-*` headers.
    public String deadLetters() {
        return prefix + ".dead-letters";
    }

    /// request id → features (Avro, a schema of the asker's).
    public String requests() {
        return prefix + ".requests";
    }

    /// request id → `Prediction` (Avro).
    public String predictions() {
        return prefix + ".predictions";
    }

    /// The consumer group that answers `requests`, and the beginning of its transactional ids.
    public String requestsGroup() {
        return prefix + "-scorer-requests";
    }

    /// An epoch of a stream, as a topic of examples names it.
    public record StreamEpoch(String stream, int epoch) {
    }

    /// Returns the epoch whose examples lie in `topic`, or null if it is no topic of examples.
    public @Nullable StreamEpoch streamEpoch(String topic) {
        Matcher name = Pattern.compile(Pattern.quote(prefix) + "\\.examples\\.([a-z0-9-]{1,100})\\.([1-9][0-9]{0,8})")
                .matcher(topic);
        return name.matches() ? new StreamEpoch(name.group(1), Integer.parseInt(name.group(2))) : null;
    }

    /// The changelog of the model store, as Kafka Streams names it.
    public static String changelog(String applicationId) {
        return changelog(applicationId, MODEL_STORE);
    }

    private static String changelog(String applicationId, String store) {
        return applicationId + "-" + store + "-changelog";
    }

    /// The changelog of a joiner. A stream whose events bring their labels has none.
    public static String joinerChangelog(String applicationId) {
        return changelog(applicationId, ENTRIES_STORE);
    }

    /// The topic through which records of one id come together. Only a stream whose topics are not partitioned alike has
    /// it.
    public static String joinerRepartition(String applicationId) {
        return applicationId + "-" + BY_KEY + "-repartition";
    }

    /// The Kafka Streams application id of a model's epoch.
    public String applicationId(String model, int epoch) {
        return prefix + "-" + model + "-" + epoch;
    }

    /// The Kafka Streams application id of the joiner of a stream's epoch.
    public String joinerApplicationId(String stream, int epoch) {
        return prefix + "-" + stream + "-" + epoch + "-join";
    }
}
