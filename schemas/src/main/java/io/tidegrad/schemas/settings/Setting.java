package io.tidegrad.schemas.settings;

import static io.tidegrad.schemas.settings.Command.EXPORT;
import static io.tidegrad.schemas.settings.Command.LR_FIND;
import static io.tidegrad.schemas.settings.Command.MODELS_CHALLENGE;
import static io.tidegrad.schemas.settings.Command.MODELS_CREATE;
import static io.tidegrad.schemas.settings.Command.MODELS_DELETE;
import static io.tidegrad.schemas.settings.Command.MODELS_LIST;
import static io.tidegrad.schemas.settings.Command.MODELS_PAUSE;
import static io.tidegrad.schemas.settings.Command.MODELS_PROMOTE;
import static io.tidegrad.schemas.settings.Command.MODELS_RESUME;
import static io.tidegrad.schemas.settings.Command.MODELS_ROLLBACK;
import static io.tidegrad.schemas.settings.Command.MODELS_SHADOW;
import static io.tidegrad.schemas.settings.Command.MODELS_SHOW;
import static io.tidegrad.schemas.settings.Command.MODELS_WITHDRAW;
import static io.tidegrad.schemas.settings.Command.REPLAY;
import static io.tidegrad.schemas.settings.Command.SCORER;
import static io.tidegrad.schemas.settings.Command.SNAPSHOTS_AT;
import static io.tidegrad.schemas.settings.Command.SNAPSHOTS_LIST;
import static io.tidegrad.schemas.settings.Command.TRAINER;
import static io.tidegrad.schemas.settings.Command.VERIFY;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Every setting of every command, once: what `--help`, the reader and the operator's table know. One environment or one
/// file may therefore serve several commands; each takes what is its own.
public enum Setting {
    BOOTSTRAP_SERVERS(
            "bootstrap-servers",
            "HOST:PORT",
            new Form.Addresses(),
            "where Kafka is; several separated by commas",
            Default.NONE,
            andModels(
                    TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT, LR_FIND),
            andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT)),
    REGISTRY_URL(
            "registry-url",
            "URL",
            new Form.Text("base of the schema registry's Confluent REST API"),
            "base of the schema registry's Confluent REST API",
            Default.NONE,
            andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_AT, LR_FIND),
            Set.of(TRAINER, REPLAY, VERIFY, SNAPSHOTS_AT)),
    SPEC(
            "spec",
            "FILE",
            new Form.Many(new Form.Text("a file")),
            "a model to learn; repeat for more (lr-find: one)",
            Default.NONE,
            Set.of(TRAINER, LR_FIND, MODELS_CREATE),
            Set.of(MODELS_CREATE)),
    MODEL(
            "model",
            "NAME",
            new Form.Many(new Form.Name()),
            "a registered model; repeat for more (trainer, scorer)",
            Default.NONE,
            Set.of(
                    TRAINER,
                    SCORER,
                    REPLAY,
                    VERIFY,
                    SNAPSHOTS_LIST,
                    SNAPSHOTS_AT,
                    EXPORT,
                    MODELS_LIST,
                    MODELS_SHOW,
                    MODELS_PAUSE,
                    MODELS_RESUME,
                    MODELS_ROLLBACK,
                    MODELS_PROMOTE,
                    MODELS_SHADOW,
                    MODELS_CHALLENGE,
                    MODELS_WITHDRAW,
                    MODELS_DELETE),
            Set.of(
                    SCORER,
                    REPLAY,
                    VERIFY,
                    SNAPSHOTS_LIST,
                    SNAPSHOTS_AT,
                    EXPORT,
                    MODELS_SHOW,
                    MODELS_PAUSE,
                    MODELS_RESUME,
                    MODELS_ROLLBACK,
                    MODELS_PROMOTE,
                    MODELS_SHADOW,
                    MODELS_CHALLENGE,
                    MODELS_WITHDRAW,
                    MODELS_DELETE)),
    ALL_MODELS(
            "all-models",
            "",
            new Form.Flag(),
            "every registered model, and those that are created later",
            Default.NONE,
            Set.of(TRAINER),
            Set.of()),
    FAIL_FAST(
            "fail-fast",
            "",
            new Form.Flag(),
            "end with the first model that can't go on, whatever the others do",
            Default.NONE,
            Set.of(TRAINER),
            Set.of()),
    VERSION(
            "version",
            "N",
            new Form.Number(0, Long.MAX_VALUE),
            "of the model, one that is still on the snapshots topic",
            Default.told("the newest"),
            Set.of(VERIFY, EXPORT, MODELS_ROLLBACK),
            Set.of(MODELS_ROLLBACK)),
    EPOCH(
            "epoch",
            "N",
            new Form.Number(1, Integer.MAX_VALUE),
            "of --version",
            Default.told("the newest that has it"),
            Set.of(MODELS_ROLLBACK),
            Set.of()),
    RESUME_AT(
            "resume-at",
            "WHERE",
            new Form.Place(List.of("base", "end"), false),
            "go on at the version's end, the log's end, an offset or a record's time",
            Default.value("end"),
            Set.of(MODELS_ROLLBACK),
            Set.of()),
    START_AT(
            "start-at",
            "WHERE",
            new Form.Place(List.of("begin", "end"), false),
            "first event to learn: of the log, after its end, an offset, a record's time",
            Default.value("begin"),
            Set.of(MODELS_CREATE),
            Set.of()),
    FOR(
            "for",
            "NAME",
            new Form.Name(),
            "the name that the model answers for, or is tried under",
            Default.told("its own"),
            Set.of(MODELS_PROMOTE, MODELS_SHADOW, MODELS_CHALLENGE, MODELS_WITHDRAW),
            Set.of(MODELS_SHADOW, MODELS_CHALLENGE, MODELS_WITHDRAW)),
    SHARE(
            "share",
            "PERCENT",
            new Form.Percent(),
            "of the keys, for the challenger to answer for",
            Default.NONE,
            Set.of(MODELS_CHALLENGE),
            Set.of(MODELS_CHALLENGE)),
    KEEP_DATA(
            "keep-data",
            "",
            new Form.Flag(),
            "leave snapshots, changelogs and groups where they are",
            Default.NONE,
            Set.of(MODELS_DELETE),
            Set.of()),
    REASON(
            "reason",
            "TEXT",
            new Form.Text("a text"),
            "why, for who reads the control topic later",
            Default.NONE,
            decisions(),
            Set.of()),
    AUTHOR(
            "author",
            "NAME",
            new Form.Text("a name"),
            "who decides",
            Default.told("user@host"),
            decisions(),
            Set.of()),
    TIMEOUT(
            "timeout",
            "SECONDS",
            new Form.Number(0, 86_400),
            "wait so long for a trainer to follow, and for scorers where they are waited for",
            Default.value("60"),
            decisions(),
            Set.of()),
    WAIT(
            "wait",
            "",
            new Form.Flag(),
            "wait until scorers follow too, and end with 75 if one does not; always on a terminal",
            Default.NONE,
            Set.of(MODELS_ROLLBACK, MODELS_PROMOTE),
            Set.of()),
    TO(
            "to",
            "FILE",
            new Form.Text("a file"),
            "to write, or to write anew; its name ends in .onnx, .safetensors or .snapshot",
            Default.NONE,
            Set.of(EXPORT),
            Set.of(EXPORT)),
    STATE_DIR(
            "state-dir",
            "DIR",
            new Form.Text("a directory"),
            "identity of a trainer; of a scorer what served last, for a start without Kafka",
            Default.NONE,
            Set.of(TRAINER, SCORER, REPLAY),
            Set.of(TRAINER)),
    PREFIX(
            "prefix",
            "PREFIX",
            new Form.Name(),
            "of Tidegrad's topics and application ids",
            Default.value("tidegrad"),
            andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT),
            Set.of()),
    HTTP_HOST(
            "http-host",
            "HOST",
            new Form.Text("an address to bind"),
            "address to bind; nothing asks for a password there but --token-file",
            Default.value("127.0.0.1"),
            Set.of(TRAINER, SCORER, REPLAY),
            Set.of()),
    HTTP_PORT(
            "http-port",
            "PORT",
            new Form.Number(0, 65_535),
            "0 for any free one; the line printed at the start says which",
            Default.value("8080"),
            Set.of(TRAINER, SCORER, REPLAY),
            Set.of()),
    GRPC_PORT(
            "grpc-port",
            "PORT",
            new Form.Number(0, 65_535),
            "also answers gRPC there, at --http-host; 0 for any free one",
            Default.told("off"),
            Set.of(SCORER),
            Set.of()),
    KEEP_SNAPSHOTS(
            "keep-snapshots",
            "N",
            new Form.Number(1, 1_000_000),
            "newest snapshots that stay on the topic",
            Default.value("5"),
            Set.of(TRAINER, REPLAY),
            Set.of()),
    STORE(
            "store",
            "KIND",
            new Form.Choice(List.of("auto", "page-log", "image-and-redo")),
            "how models are kept in their changelogs; auto chooses for each",
            Default.value("auto"),
            Set.of(TRAINER, REPLAY),
            Set.of()),
    STORE_BYTES_PER_SECOND(
            "store-bytes-per-second",
            "N",
            new Form.Number(1_000, 1_000_000_000),
            "to a model's changelog, at most",
            Default.value("20000000"),
            Set.of(TRAINER, REPLAY),
            Set.of()),
    REDO_SECONDS(
            "redo-seconds",
            "N",
            new Form.Number(0, 86_400),
            "a new image begins when a restart would learn again for longer",
            Default.value("30"),
            Set.of(TRAINER, REPLAY),
            Set.of()),
    KEEP_HOURLY(
            "keep-hourly",
            "N",
            new Form.Number(0, 1_000_000),
            "hours of whose full snapshots the last stays",
            Default.value("24"),
            Set.of(TRAINER, REPLAY),
            Set.of()),
    KEEP_DAILY(
            "keep-daily",
            "N",
            new Form.Number(0, 1_000_000),
            "days of whose full snapshots the last stays",
            Default.value("7"),
            Set.of(TRAINER, REPLAY),
            Set.of()),
    SNAPSHOT_DELTAS(
            "snapshot-deltas",
            "N",
            new Form.Number(0, 1_000_000),
            "changes that are published at most before the next full snapshot",
            Default.value("50"),
            Set.of(TRAINER, REPLAY),
            Set.of()),
    SNAPSHOT_COMPRESSION(
            "snapshot-compression",
            "HOW",
            new Form.Choice(List.of("none", "zstd")),
            "of the parts of snapshots: none or zstd",
            Default.value("none"),
            Set.of(TRAINER, REPLAY),
            Set.of()),
    SNAPSHOT_PRIVATE_KEY(
            "snapshot-private-key",
            "FILE",
            new Form.Text("a file"),
            "Ed25519 key (PEM) that signs snapshots",
            Default.NONE,
            Set.of(TRAINER, REPLAY),
            Set.of()),
    SNAPSHOT_PUBLIC_KEY(
            "snapshot-public-key",
            "FILE",
            new Form.Text("a file"),
            "Ed25519 key (PEM); snapshots that it did not sign are refused",
            Default.NONE,
            Set.of(SCORER, REPLAY, VERIFY, EXPORT, MODELS_ROLLBACK),
            Set.of()),
    STANDBY_REPLICAS(
            "standby-replicas",
            "N",
            new Form.Number(0, 10),
            "other trainers of a model that keep a warm copy and take over",
            Default.value("0"),
            Set.of(TRAINER, REPLAY),
            Set.of()),
    REPLICATION(
            "replication",
            "N",
            new Form.Number(1, Short.MAX_VALUE),
            "of topics that are created",
            Default.told("the broker's"),
            Set.of(TRAINER, REPLAY, MODELS_CREATE),
            Set.of()),
    DEAD_LETTER_RETENTION(
            "dead-letter-retention",
            "TIME",
            new Form.Retention(),
            "of the dead-letter topic when it is created: P30D, PT12H, forever",
            Default.value("P30D"),
            Set.of(TRAINER, REPLAY, SCORER),
            Set.of()),
    MAX_BODY_BYTES(
            "max-body-bytes",
            "N",
            new Form.Number(1, 1 << 30),
            "larger requests are answered 413",
            Default.value("1048576"),
            Set.of(SCORER),
            Set.of()),
    MAX_CONNECTIONS(
            "max-connections",
            "N",
            new Form.Number(1, 1_000_000),
            "open at once; the longest silent one makes room for the next",
            Default.value("1024"),
            Set.of(SCORER),
            Set.of()),
    MAX_CONCURRENT_REQUESTS(
            "max-concurrent-requests",
            "N",
            new Form.Number(1, 1_000_000),
            "worked on at once; more wait a moment, then are answered 503",
            Default.told("two a processor"),
            Set.of(SCORER),
            Set.of()),
    MAX_BODIES_BYTES(
            "max-bodies-bytes",
            "N",
            new Form.Number(1, Long.MAX_VALUE),
            "of all requests under way together; more are answered 503",
            Default.told("a quarter of the heap"),
            Set.of(SCORER),
            Set.of()),
    TLS_CERTIFICATE(
            "tls-certificate",
            "FILE",
            new Form.Text("a file"),
            "answer over TLS: certificate and its issuers (PEM)",
            Default.NONE,
            Set.of(SCORER),
            Set.of()),
    TLS_PRIVATE_KEY(
            "tls-private-key",
            "FILE",
            new Form.Text("a file"),
            "of --tls-certificate (PEM, PKCS #8)",
            Default.NONE,
            Set.of(SCORER),
            Set.of()),
    TOKEN_FILE(
            "token-file",
            "FILE",
            new Form.Text("a file"),
            "tokens, one a line; clients need one: Authorization: Bearer TOKEN",
            Default.NONE,
            Set.of(SCORER),
            Set.of()),
    MAX_SNAPSHOT_BYTES(
            "max-snapshot-bytes",
            "N",
            new Form.Number(1, Long.MAX_VALUE),
            "larger models are refused",
            Default.told("a quarter of the heap"),
            Set.of(SCORER, REPLAY, VERIFY, EXPORT, MODELS_ROLLBACK),
            Set.of()),
    MAX_AGE(
            "max-age",
            "SECONDS",
            new Form.Number(1, 31_536_000),
            "not ready while the newest event served is older; answers go on",
            Default.told("off"),
            Set.of(SCORER),
            Set.of()),
    PIN(
            "pin",
            "NAME=EPOCH.VERSION",
            new Form.Many(new Form.Pin()),
            "serve this published version of the model and no other; repeat for more",
            Default.NONE,
            Set.of(SCORER),
            Set.of()),
    UNKNOWN_FIELDS(
            "unknown-fields",
            "MODE",
            new Form.Choice(List.of("refuse", "ignore")),
            "refuse or ignore fields that no feature reads",
            Default.value("refuse"),
            Set.of(SCORER),
            Set.of()),
    REQUESTS_TOPIC(
            "requests-topic",
            "TOPIC",
            new Form.Name(),
            "also answers the requests of this topic, PREFIX.requests say; with --registry-url",
            Default.told("off"),
            Set.of(SCORER),
            Set.of()),
    PREDICTIONS_TOPIC(
            "predictions-topic",
            "TOPIC",
            new Form.Name(),
            "where the answers to --requests-topic go",
            Default.told("PREFIX.predictions"),
            Set.of(SCORER),
            Set.of()),
    REQUESTS_GROUP(
            "requests-group",
            "GROUP",
            new Form.Name(),
            "consumer group of all scorers that share --requests-topic",
            Default.told("PREFIX-scorer-requests"),
            Set.of(SCORER),
            Set.of()),
    FROM(
            "from",
            "WHERE",
            new Form.Place(List.of("begin"), true),
            "begin at an offset, a record's time, or from snapshot:N",
            Default.told("where the model began"),
            Set.of(REPLAY),
            Set.of()),
    UNTIL(
            "until",
            "WHERE",
            new Form.Place(List.of("end", "live"), false),
            "stop before an offset or a record's time, at the end, or go live",
            Default.told("its end at the start"),
            Set.of(REPLAY),
            Set.of()),
    WITH_SPEC(
            "with-spec",
            "FILE",
            new Form.Text("a file"),
            "learn by this spec in place of the registered one",
            Default.NONE,
            Set.of(REPLAY),
            Set.of()),
    AS(
            "as",
            "NAME",
            new Form.Name(),
            "replay: keep what is learned under this name; verify: compare a renamed copy",
            Default.NONE,
            Set.of(REPLAY, VERIFY),
            Set.of()),
    COMPARE(
            "compare",
            "NAME",
            new Form.Name(),
            "a registered model that learns the same events beside",
            Default.NONE,
            Set.of(REPLAY),
            Set.of()),
    OFFSET(
            "offset",
            "OFFSET",
            new Form.Number(0, Long.MAX_VALUE),
            "of the events topic: the model of everything before it",
            Default.NONE,
            Set.of(SNAPSHOTS_AT),
            Set.of()),
    TIME(
            "time",
            "TIME",
            new Form.Place(List.of(), false),
            "the model of every record before the first of this time: 2026-01-31T12:00:00Z",
            Default.NONE,
            Set.of(SNAPSHOTS_AT),
            Set.of()),
    OUT(
            "out",
            "FILE",
            new Form.Text("a file"),
            "to write: .tidegrad, .onnx, .safetensors; replay: weights of --from snapshot:N",
            Default.NONE,
            Set.of(REPLAY, SNAPSHOTS_AT),
            Set.of()),
    STREAM(
            "stream",
            "NAME",
            new Form.Choice(List.of("flights", "digits")),
            "a stream that ships with Tidegrad, in place of a topic: flights or digits",
            Default.NONE,
            Set.of(LR_FIND),
            Set.of()),
    FROM_RATE(
            "from-rate",
            "RATE",
            new Form.Decimal(),
            "the learning rate of the first update",
            Default.value("1e-6"),
            Set.of(LR_FIND),
            Set.of()),
    TO_RATE(
            "to-rate",
            "RATE",
            new Form.Decimal(),
            "the learning rate of the last update, if the loss allows",
            Default.value("10"),
            Set.of(LR_FIND),
            Set.of()),
    EVENTS(
            "events",
            "N",
            new Form.Number(1, 1_000_000_000),
            "from the first to the last rate",
            Default.told("10000, or what there is"),
            Set.of(LR_FIND),
            Set.of()),
    PLOT(
            "plot",
            "FILE",
            new Form.Text("a file"),
            "draw loss against rate into it (SVG)",
            Default.NONE,
            Set.of(LR_FIND),
            Set.of()),
    JSON(
            "json",
            "",
            new Form.Flag(),
            "print the result as one line of JSON",
            Default.NONE,
            andModels(REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, LR_FIND),
            Set.of()),
    KAFKA(
            "kafka.KEY",
            "VALUE",
            new Form.Text("a value"),
            "a setting of Kafka's clients (TLS, SASL, ...), for every client",
            Default.NONE,
            andModels(
                    TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT, LR_FIND),
            Set.of()),
    REGISTRY(
            "registry.KEY",
            "VALUE",
            new Form.Text("a value"),
            "a setting of the registry's client (basic authentication, time-outs)",
            Default.NONE,
            andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_AT, LR_FIND),
            Set.of()),
    CONFIG(
            "config",
            "FILE",
            new Form.Text("a file"),
            "properties with these names; not from within a file",
            Default.NONE,
            andModels(
                    TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT, LR_FIND),
            Set.of());

    private static Set<Command> andModels(Command... more) {
        Set<Command> all = EnumSet.copyOf(Command.models());
        all.addAll(List.of(more));
        return Set.copyOf(all);
    }

    /// Commands that change something.
    private static Set<Command> decisions() {
        return Set.of(
                MODELS_CREATE,
                MODELS_PAUSE,
                MODELS_RESUME,
                MODELS_ROLLBACK,
                MODELS_PROMOTE,
                MODELS_SHADOW,
                MODELS_CHALLENGE,
                MODELS_WITHDRAW,
                MODELS_DELETE);
    }

    private final String key;
    private final String placeholder;
    private final Form form;
    private final String meaning;
    private final Default byDefault;
    private final Set<Command> commands;
    private final Set<Command> required;

    Setting(
            String key,
            String placeholder,
            Form form,
            String meaning,
            Default byDefault,
            Set<Command> commands,
            Set<Command> required) {
        this.key = key;
        this.placeholder = placeholder;
        this.form = form;
        this.meaning = meaning;
        this.byDefault = byDefault;
        this.commands = commands;
        this.required = required;
    }

    /// What stands where nothing is given: a value, or only words for what the command does then.
    private record Default(@Nullable String value, String told) {
        static final Default NONE = told("");

        static Default value(String value) {
            return new Default(value, value);
        }

        static Default told(String words) {
            return new Default(null, words);
        }
    }

    static @Nullable Setting named(String key) {
        for (Setting setting : values()) {
            if (setting.key.equals(key)) {
                return setting;
            }
        }
        return null;
    }

    /// `http-port`; of the two families of pass-through settings `kafka.KEY`, `registry.KEY`.
    public String key() {
        return key;
    }

    /// As on the command line: `--http-port PORT`.
    public String usage() {
        return placeholder.isEmpty() ? "--" + key : "--" + key + " " + placeholder;
    }

    public String meaning() {
        return meaning;
    }

    /// What it means for one command, where that is less than for all of them.
    String meaning(Command command) {
        boolean ofModels = Command.models().contains(command);
        if (this == HTTP_HOST && !TOKEN_FILE.isOf(command)) {
            return "address to bind; nothing asks for a password there";
        }
        if (this == OUT && !FROM.isOf(command)) {
            return "to write: .tidegrad, .onnx, .safetensors";
        }
        if (ofModels && (this == REGISTRY_URL || this == REGISTRY)) {
            return "accepted, as the other commands take it; has no effect";
        }
        if (ofModels && this == MODEL && command != MODELS_LIST) {
            return "a registered model; may also stand first: " + command.word() + " NAME";
        }
        return meaning;
    }

    /// For people: the default's value, or words for what happens; empty when there is none.
    public String otherwise() {
        return byDefault.told();
    }

    public boolean isOf(Command command) {
        return commands.contains(command);
    }

    public boolean isRequiredBy(Command command) {
        return required.contains(command);
    }

    Form form() {
        return form;
    }

    @Nullable String defaultValue() {
        return byDefault.value();
    }

    /// Commands that have it, for people: `trainer, replay`.
    public String commands() {
        return Command.words(commands);
    }

    /// Commands that need it, for people; empty when none does.
    public String requiredBy() {
        return Command.words(required);
    }
}
