package io.tidegrad.schemas;

/// Every topic of ours, once; the prefix is configurable (default `tidegrad`).
public record Topics(String prefix) {
    public static final Topics DEFAULT = new Topics("tidegrad");

    /// The name that the trainer's topology gives to its state store, the live model.
    public static final String MODEL_STORE = "model";

    /// model → `CatalogRecord`: current spec and stage; own binary format, compacted.
    public String models() {
        return prefix + ".models";
    }

    /// model → `ControlRecord`, own binary format; append-only, kept for ever.
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

    /// The changelog of the model store, as Kafka Streams names it.
    public static String changelog(String applicationId) {
        return applicationId + "-" + MODEL_STORE + "-changelog";
    }

    /// The Kafka Streams application id of a model's epoch.
    public String applicationId(String model, int epoch) {
        return prefix + "-" + model + "-" + epoch;
    }
}
