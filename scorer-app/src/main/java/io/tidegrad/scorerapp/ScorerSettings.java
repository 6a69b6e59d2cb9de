package io.tidegrad.scorerapp;

import static io.tidegrad.ops.settings.CommonSettings.BOOTSTRAP_SERVERS;
import static io.tidegrad.ops.settings.CommonSettings.CONFIG;
import static io.tidegrad.ops.settings.CommonSettings.DEAD_LETTER_RETENTION;
import static io.tidegrad.ops.settings.CommonSettings.HTTP_HOST;
import static io.tidegrad.ops.settings.CommonSettings.HTTP_PORT;
import static io.tidegrad.ops.settings.CommonSettings.KAFKA;
import static io.tidegrad.ops.settings.CommonSettings.LOG_FORMAT;
import static io.tidegrad.ops.settings.CommonSettings.MAX_SNAPSHOT_BYTES;
import static io.tidegrad.ops.settings.CommonSettings.MODEL;
import static io.tidegrad.ops.settings.CommonSettings.PREFIX;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY_URL;
import static io.tidegrad.ops.settings.CommonSettings.SNAPSHOT_PUBLIC_KEY;
import static io.tidegrad.ops.settings.CommonSettings.STATE_DIR;
import static io.tidegrad.ops.settings.CommonSettings.TLS_CERTIFICATE;
import static io.tidegrad.ops.settings.CommonSettings.TLS_PRIVATE_KEY;
import static io.tidegrad.ops.settings.CommonSettings.TOKEN_FILE;
import static io.tidegrad.ops.settings.Setting.Use.optional;
import static io.tidegrad.ops.settings.Setting.Use.required;

import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Form;
import io.tidegrad.ops.settings.Setting;
import java.util.List;

/// The scorer's command, and the settings that it shares with no other program.
public final class ScorerSettings {
    public static final Setting GRPC_PORT = Setting.of("grpc-port", "PORT", Form.number(0, 65_535),
            "also answer gRPC on this port of --http-host; with 0 on a free one").otherwise("off");
    public static final Setting MAX_BODY_BYTES = Setting.of("max-body-bytes", "N", Form.number(1, 1 << 30),
            "size of the largest request body; a larger one gets 413").withDefault("1048576");
    public static final Setting MAX_CONNECTIONS = Setting.of("max-connections", "N", Form.number(1, 1_000_000),
            "how many connections may be open; a further one replaces the longest silent").withDefault("1024");
    public static final Setting MAX_CONCURRENT_REQUESTS = Setting
            .of("max-concurrent-requests", "N", Form.number(1, 1_000_000),
                    "how many requests are worked on at once; others wait, then get 503")
            .otherwise("two per processor");
    public static final Setting MAX_BODIES_BYTES = Setting.of("max-bodies-bytes", "N", Form.number(1, Long.MAX_VALUE),
            "largest sum of all request bodies; further requests get 503").otherwise("a quarter of the heap");
    public static final Setting MAX_AGE = Setting.of("max-age", "SECONDS", Form.number(1, 31_536_000),
            "report not ready while the newest event served is older, but go on answering").otherwise("off");
    public static final Setting PIN = Setting.of("pin", "NAME=EPOCH.VERSION", Form.many(Form.PIN),
            "serve only this published version, such as flights=1.120500; can be repeated");
    public static final Setting UNKNOWN_FIELDS =
            Setting.of("unknown-fields", "MODE", Form.choice(List.of("refuse", "ignore")),
                    "what to do with fields of a request that no feature reads").withDefault("refuse");
    public static final Setting REQUESTS_TOPIC = Setting
            .of("requests-topic", "TOPIC", Form.NAME,
                    "also answer requests on this topic, such as PREFIX.requests; needs --registry-url")
            .otherwise("off");
    public static final Setting PREDICTIONS_TOPIC =
            Setting.of("predictions-topic", "TOPIC", Form.NAME, "topic for the answers to --requests-topic")
                    .otherwise("PREFIX.predictions");
    public static final Setting REQUESTS_GROUP = Setting
            .of("requests-group", "GROUP", Form.NAME, "consumer group of all scorers that share --requests-topic")
            .otherwise("PREFIX-scorer-requests");

    public static final Setting LOG_TOPIC = Setting.of("log-topic", "NAME=TOPIC", Form.many(Form.TOPIC_OF),
            "write what is served for a model to this topic, such as flights=flights-scored; can be repeated");
    public static final Setting LOG_REQUIRED = Setting
            .of("log-required", "", Form.FLAG, "refuse a request of a model with --log-topic if it can't be logged")
            .withDefault("false");
    public static final Setting LOG_BUFFER_BYTES =
            Setting.of("log-buffer-bytes", "N", Form.number(65_536, 1L << 40), "how much may wait for each --log-topic")
                    .withDefault("33554432");

    public static final Command SCORER =
            new Command("scorer", "serve the newest weights of one or more models over HTTP",
                    "Exit status: 0 stopped in order, 2 settings or credentials, 75 try again.",
                    required(BOOTSTRAP_SERVERS), optional(REGISTRY_URL), required(MODEL),
                    optional(STATE_DIR, PREFIX, HTTP_HOST, HTTP_PORT, GRPC_PORT, SNAPSHOT_PUBLIC_KEY,
                            DEAD_LETTER_RETENTION, MAX_BODY_BYTES, MAX_CONNECTIONS, MAX_CONCURRENT_REQUESTS,
                            MAX_BODIES_BYTES, TLS_CERTIFICATE, TLS_PRIVATE_KEY, TOKEN_FILE, MAX_SNAPSHOT_BYTES, MAX_AGE,
                            PIN, UNKNOWN_FIELDS, REQUESTS_TOPIC, PREDICTIONS_TOPIC, REQUESTS_GROUP, LOG_TOPIC,
                            LOG_REQUIRED, LOG_BUFFER_BYTES, LOG_FORMAT, KAFKA, REGISTRY, CONFIG));

    private ScorerSettings() {}
}
