package io.tidegrad.trainer;

import static io.tidegrad.ops.settings.CommonSettings.BOOTSTRAP_SERVERS;
import static io.tidegrad.ops.settings.CommonSettings.CONFIG;
import static io.tidegrad.ops.settings.CommonSettings.DEAD_LETTER_RETENTION;
import static io.tidegrad.ops.settings.CommonSettings.HTTP_HOST;
import static io.tidegrad.ops.settings.CommonSettings.HTTP_PORT;
import static io.tidegrad.ops.settings.CommonSettings.KAFKA;
import static io.tidegrad.ops.settings.CommonSettings.LOG_FORMAT;
import static io.tidegrad.ops.settings.CommonSettings.MODEL;
import static io.tidegrad.ops.settings.CommonSettings.PREFIX;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY_URL;
import static io.tidegrad.ops.settings.CommonSettings.REPLICATION;
import static io.tidegrad.ops.settings.CommonSettings.SPEC;
import static io.tidegrad.ops.settings.CommonSettings.STANDBY_REPLICAS;
import static io.tidegrad.ops.settings.CommonSettings.STATE_DIR;
import static io.tidegrad.ops.settings.CommonSettings.TLS_CERTIFICATE;
import static io.tidegrad.ops.settings.CommonSettings.TLS_PRIVATE_KEY;
import static io.tidegrad.ops.settings.CommonSettings.TOKEN_FILE;
import static io.tidegrad.ops.settings.Setting.Use.all;
import static io.tidegrad.ops.settings.Setting.Use.optional;
import static io.tidegrad.ops.settings.Setting.Use.required;

import io.tidegrad.engine.layer.Workers;
import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Form;
import io.tidegrad.ops.settings.Setting;
import java.util.List;

/// The trainer's command, and the settings that it shares with no other program.
public final class TrainerSettings {
    private static final String AS_THE_SPEC = "publish.keep of the spec";
    public static final Setting ALL_MODELS = Setting.of("all-models", "", Form.FLAG,
            "learn every registered model, also those that are registered later");
    public static final Setting FAIL_FAST = Setting.of("fail-fast", "", Form.FLAG,
            "end the process once one model can't go on; without it the other models go on");
    public static final Setting WORKERS = Setting.of("workers", "N", Form.number(1, Workers.COUNT_MAX),
            "threads that share each long step, with the same bits").otherwise("learn.workers of the spec");
    public static final Setting KEEP_SNAPSHOTS = Setting
            .of("keep-snapshots", "N", Form.number(1, 1_000_000), "how many of the newest snapshots stay on the topic")
            .otherwise(AS_THE_SPEC);
    public static final Setting STORE =
            Setting.of("store", "KIND", Form.choice(List.of("auto", "page-log", "image-and-redo")),
                    "how a model is kept in its changelog; auto chooses for each model").withDefault("auto");
    public static final Setting STORE_BYTES_PER_SECOND =
            Setting.of("store-bytes-per-second", "N", Form.number(1_000, 1_000_000_000),
                    "how many bytes a second are written to a model's changelog at most").withDefault("20000000");
    public static final Setting REDO_SECONDS = Setting.of("redo-seconds", "N", Form.number(0, 86_400),
            "for how long a restart may learn events again; a page log aims at 1 s at most").withDefault("30");
    public static final Setting FRESHNESS = Setting
            .of("freshness", "DURATION", Form.DURATION,
                    "how long a commit may wait for 100 events if no snapshot is due, or for a backlog")
            .withDefault("PT1S");
    public static final Setting KEEP_HOURLY = Setting.of("keep-hourly", "N", Form.number(0, 1_000_000),
            "for how many hours the first full snapshot of each hour stays").otherwise(AS_THE_SPEC);
    public static final Setting KEEP_DAILY = Setting.of("keep-daily", "N", Form.number(0, 1_000_000),
            "for how many days the first full snapshot of each day stays").otherwise(AS_THE_SPEC);
    public static final Setting SNAPSHOT_DELTAS = Setting.of("snapshot-deltas", "N", Form.number(0, 1_000_000),
            "how many deltas are published at most between two full snapshots").withDefault("50");
    public static final Setting SNAPSHOT_COMPRESSION = Setting.of("snapshot-compression", "HOW",
            Form.choice(List.of("none", "zstd")), "compression of the parts of snapshots").withDefault("none");
    public static final Setting SNAPSHOT_PRIVATE_KEY = Setting.of("snapshot-private-key", "FILE", Form.text("a file"),
            "Ed25519 private key (PEM) that signs snapshots");

    /// The settings of every command that goes on as a trainer: where it listens, how it stores and publishes.
    public static final List<Setting.Use> LEARNING = all(optional(PREFIX),
            optional(HTTP_HOST, HTTP_PORT, TLS_CERTIFICATE, TLS_PRIVATE_KEY, TOKEN_FILE, KEEP_SNAPSHOTS, STORE,
                    STORE_BYTES_PER_SECOND, REDO_SECONDS, FRESHNESS, KEEP_HOURLY, KEEP_DAILY, SNAPSHOT_DELTAS,
                    SNAPSHOT_COMPRESSION, SNAPSHOT_PRIVATE_KEY));

    public static final Command TRAINER = new Command("trainer",
            "learn one or more models from their topics, exactly once",
            "Give at least one --spec or --model, or --all-models. Exit status: docs/operations/run.md.",
            required(BOOTSTRAP_SERVERS, REGISTRY_URL), optional(SPEC, MODEL, ALL_MODELS, FAIL_FAST, WORKERS),
            required(STATE_DIR), LEARNING,
            optional(STANDBY_REPLICAS, REPLICATION, DEAD_LETTER_RETENTION, LOG_FORMAT, KAFKA, REGISTRY, CONFIG));

    private TrainerSettings() {}
}
