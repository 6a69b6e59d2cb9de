package io.tidegrad.joiner.app;

import static io.tidegrad.ops.settings.CommonSettings.BOOTSTRAP_SERVERS;
import static io.tidegrad.ops.settings.CommonSettings.CONFIG;
import static io.tidegrad.ops.settings.CommonSettings.DEAD_LETTER_RETENTION;
import static io.tidegrad.ops.settings.CommonSettings.HTTP_HOST;
import static io.tidegrad.ops.settings.CommonSettings.HTTP_PORT;
import static io.tidegrad.ops.settings.CommonSettings.KAFKA;
import static io.tidegrad.ops.settings.CommonSettings.LOG_FORMAT;
import static io.tidegrad.ops.settings.CommonSettings.PREFIX;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY_URL;
import static io.tidegrad.ops.settings.CommonSettings.REPLICATION;
import static io.tidegrad.ops.settings.CommonSettings.STANDBY_REPLICAS;
import static io.tidegrad.ops.settings.CommonSettings.STATE_DIR;
import static io.tidegrad.ops.settings.CommonSettings.STREAM;
import static io.tidegrad.ops.settings.CommonSettings.TLS_CERTIFICATE;
import static io.tidegrad.ops.settings.CommonSettings.TLS_PRIVATE_KEY;
import static io.tidegrad.ops.settings.CommonSettings.TOKEN_FILE;
import static io.tidegrad.ops.settings.Setting.Use.optional;
import static io.tidegrad.ops.settings.Setting.Use.required;

import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Form;
import io.tidegrad.ops.settings.Setting;

/// The joiner's command, and the settings that it shares with no other program.
public final class JoinerSettings {
    public static final Setting ALL_STREAMS = Setting.of("all-streams", "", Form.FLAG,
            "join every stream that was created, also those that are created later");
    public static final Setting THREADS = Setting
            .of("threads", "N", Form.number(1, 64), "how many threads join a stream; each has a transaction of its own")
            .withDefault("1");

    public static final Command JOINER = new Command("joiner", "join events and labels into one log of examples",
            "Give at least one --stream, or --all-streams. Exit status: as the trainer's, docs/operations/run.md.",
            required(BOOTSTRAP_SERVERS, REGISTRY_URL), optional(STREAM, ALL_STREAMS), required(STATE_DIR),
            optional(PREFIX), optional(HTTP_HOST, HTTP_PORT, TLS_CERTIFICATE, TLS_PRIVATE_KEY, TOKEN_FILE, THREADS,
                    STANDBY_REPLICAS, REPLICATION, DEAD_LETTER_RETENTION, LOG_FORMAT, KAFKA, REGISTRY, CONFIG));

    private JoinerSettings() {}
}
