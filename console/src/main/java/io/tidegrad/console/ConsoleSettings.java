package io.tidegrad.console;

import static io.tidegrad.ops.settings.CommonSettings.BOOTSTRAP_SERVERS;
import static io.tidegrad.ops.settings.CommonSettings.CONFIG;
import static io.tidegrad.ops.settings.CommonSettings.HTTP_HOST;
import static io.tidegrad.ops.settings.CommonSettings.HTTP_PORT;
import static io.tidegrad.ops.settings.CommonSettings.KAFKA;
import static io.tidegrad.ops.settings.CommonSettings.LOG_FORMAT;
import static io.tidegrad.ops.settings.CommonSettings.MAX_SNAPSHOT_BYTES;
import static io.tidegrad.ops.settings.CommonSettings.PREFIX;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY_URL;
import static io.tidegrad.ops.settings.CommonSettings.SNAPSHOT_PUBLIC_KEY;
import static io.tidegrad.ops.settings.CommonSettings.TLS_CERTIFICATE;
import static io.tidegrad.ops.settings.CommonSettings.TLS_PRIVATE_KEY;
import static io.tidegrad.ops.settings.CommonSettings.TOKEN_FILE;
import static io.tidegrad.ops.settings.Setting.Use.optional;
import static io.tidegrad.ops.settings.Setting.Use.required;

import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Form;
import io.tidegrad.ops.settings.Setting;

/// The console's command.
public final class ConsoleSettings {
    static final Setting DECISIONS = Setting.of("decisions", "", Form.FLAG,
            "let who has a token pause, resume, promote and roll back models on the page");

    static final Setting MODEL_PREFIX = Setting.of("model-prefix", "PREFIX", Form.many(Form.NAME),
            "show only models whose names begin so; it can be repeated");

    static final Setting SCORER_URL = Setting.of("scorer-url", "URL", Form.HTTP_URL,
            "base URL of a scorer that the page asks about events that people make on it");

    static final Setting SCORER_TOKEN_FILE = Setting.of("scorer-token-file", "FILE", Form.text("a file"),
            "file with the token that the scorer of --scorer-url wants, on a line of its own");

    public static final Command CONSOLE =
            new Command("console", "show every model of a cluster on a page, from the topics alone", """
            Reads topics, and writes nothing but decisions, so it can be down without harm. docs/console.md says what the page shows.
            Exit status: as the trainer's, docs/operations/run.md.""", required(BOOTSTRAP_SERVERS, REGISTRY_URL),
                    optional(PREFIX, HTTP_HOST, HTTP_PORT, TLS_CERTIFICATE, TLS_PRIVATE_KEY, TOKEN_FILE, MODEL_PREFIX,
                            DECISIONS, SCORER_URL, SCORER_TOKEN_FILE, SNAPSHOT_PUBLIC_KEY, MAX_SNAPSHOT_BYTES,
                            LOG_FORMAT, KAFKA, REGISTRY, CONFIG));

    private ConsoleSettings() {}
}
