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

/// Every setting of every command. `--help`, [Settings] (the reader) and `docs/settings.md` are made from this one
/// table. One environment or one file may serve several commands; each command takes its own settings from it.
public enum Setting {
    BOOTSTRAP_SERVERS("bootstrap-servers", "HOST:PORT", new Form.Addresses(),
            "Kafka brokers to connect to first, separated by commas", Default.NONE,
            andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT, LR_FIND),
            andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT)),
    REGISTRY_URL("registry-url", "URL", new Form.Text("base of the schema registry's Confluent REST API"),
            "base URL of the schema registry (Confluent's REST API)", Default.NONE,
            andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_AT, LR_FIND),
            Set.of(TRAINER, REPLAY, VERIFY, SNAPSHOTS_AT)),
    SPEC("spec", "FILE", new Form.Many(new Form.Text("a file")),
            "file of a model spec; only the trainer takes several: repeat it", Default.NONE,
            Set.of(TRAINER, LR_FIND, MODELS_CREATE), Set.of(MODELS_CREATE)),
    MODEL("model", "NAME", new Form.Many(new Form.Name()),
            "a registered model; trainer, scorer and models list take several: repeat it", Default.NONE,
            Set.of(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT, MODELS_LIST, MODELS_SHOW,
                    MODELS_PAUSE, MODELS_RESUME, MODELS_ROLLBACK, MODELS_PROMOTE, MODELS_SHADOW, MODELS_CHALLENGE,
                    MODELS_WITHDRAW, MODELS_DELETE),
            Set.of(SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT, MODELS_SHOW, MODELS_PAUSE,
                    MODELS_RESUME, MODELS_ROLLBACK, MODELS_PROMOTE, MODELS_SHADOW, MODELS_CHALLENGE, MODELS_WITHDRAW,
                    MODELS_DELETE)),
    ALL_MODELS("all-models", "", new Form.Flag(), "learn every registered model, and each that is registered later",
            Default.NONE, Set.of(TRAINER), Set.of()),
    FAIL_FAST("fail-fast", "", new Form.Flag(),
            "end the process as soon as one model can't go on; without it the others learn on", Default.NONE,
            Set.of(TRAINER), Set.of()),
    VERSION("version", "N", new Form.Number(0, Long.MAX_VALUE),
            "a version of the model that is still on the snapshots topic", Default.told("the newest"),
            Set.of(VERIFY, EXPORT, MODELS_ROLLBACK), Set.of(MODELS_ROLLBACK)),
    EPOCH("epoch", "N", new Form.Number(1, Integer.MAX_VALUE), "the epoch of --version",
            Default.told("the newest epoch that has the version"), Set.of(MODELS_ROLLBACK), Set.of()),
    RESUME_AT("resume-at", "WHERE", new Form.Place(List.of("base", "end"), false),
            "what to learn next: from base (the version), the log's end, an offset or a time", Default.value("end"),
            Set.of(MODELS_ROLLBACK), Set.of()),
    START_AT("start-at", "WHERE", new Form.Place(List.of("begin", "end"), false),
            "first event to learn: begin or end of the log, an offset, a time", Default.value("begin"),
            Set.of(MODELS_CREATE), Set.of()),
    FOR("for", "NAME", new Form.Name(), "name of the model whose requests this one answers or scores",
            Default.told("the model's own"), Set.of(MODELS_PROMOTE, MODELS_SHADOW, MODELS_CHALLENGE, MODELS_WITHDRAW),
            Set.of(MODELS_SHADOW, MODELS_CHALLENGE, MODELS_WITHDRAW)),
    SHARE("share", "PERCENT", new Form.Percent(), "share of the keys that the challenger answers for, in percent",
            Default.NONE, Set.of(MODELS_CHALLENGE), Set.of(MODELS_CHALLENGE)),
    KEEP_DATA("keep-data", "", new Form.Flag(), "keep the model's snapshots, changelogs and consumer groups",
            Default.NONE, Set.of(MODELS_DELETE), Set.of()),
    REASON("reason", "TEXT", new Form.Text("a text"), "why; the control topic keeps it with the decision", Default.NONE,
            decisions(), Set.of()),
    AUTHOR("author", "NAME", new Form.Text("a name"), "who decides; the control topic keeps it with the decision",
            Default.told("user@host"), decisions(), Set.of()),
    TIMEOUT("timeout", "SECONDS", new Form.Number(0, 86_400),
            "how long to wait for a trainer, and where needed for scorers, to follow", Default.value("60"), decisions(),
            Set.of()),
    WAIT("wait", "", new Form.Flag(),
            "wait for the scorers too, and exit with 75 if one does not follow; always on a terminal", Default.NONE,
            Set.of(MODELS_ROLLBACK, MODELS_PROMOTE), Set.of()),
    TO("to", "FILE", new Form.Text("a file"),
            "file to write or replace; its name ends in .onnx, .safetensors or .snapshot", Default.NONE, Set.of(EXPORT),
            Set.of(EXPORT)),
    STATE_DIR("state-dir", "DIR", new Form.Text("a directory"),
            "keeps a trainer's identity, or what a scorer served last, for a start without Kafka", Default.NONE,
            Set.of(TRAINER, SCORER, REPLAY), Set.of(TRAINER)),
    PREFIX("prefix", "PREFIX", new Form.Name(), "prefix of the names of Tidegrad's topics and of its application ids",
            Default.value("tidegrad"), andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT),
            Set.of()),
    HTTP_HOST("http-host", "HOST", new Form.Text("an address to bind"),
            "address to listen on; without --token-file nobody is asked for a password", Default.value("127.0.0.1"),
            Set.of(TRAINER, SCORER, REPLAY), Set.of()),
    HTTP_PORT("http-port", "PORT", new Form.Number(0, 65_535),
            "port to listen on; 0 takes a free one, which a line at the start names", Default.value("8080"),
            Set.of(TRAINER, SCORER, REPLAY), Set.of()),
    GRPC_PORT("grpc-port", "PORT", new Form.Number(0, 65_535),
            "also answer gRPC on this port of --http-host; 0 takes a free one", Default.told("off"), Set.of(SCORER),
            Set.of()),
    KEEP_SNAPSHOTS("keep-snapshots", "N", new Form.Number(1, 1_000_000),
            "how many of the newest snapshots stay on the topic", Default.value("5"), Set.of(TRAINER, REPLAY),
            Set.of()),
    STORE("store", "KIND", new Form.Choice(List.of("auto", "page-log", "image-and-redo")),
            "how a model is kept in its changelog; auto chooses for each model", Default.value("auto"),
            Set.of(TRAINER, REPLAY), Set.of()),
    STORE_BYTES_PER_SECOND("store-bytes-per-second", "N", new Form.Number(1_000, 1_000_000_000),
            "most bytes a second that are written to a model's changelog", Default.value("20000000"),
            Set.of(TRAINER, REPLAY), Set.of()),
    REDO_SECONDS("redo-seconds", "N", new Form.Number(0, 86_400),
            "begin a new image when a restart would learn longer than this again", Default.value("30"),
            Set.of(TRAINER, REPLAY), Set.of()),
    KEEP_HOURLY("keep-hourly", "N", new Form.Number(0, 1_000_000),
            "the last full snapshot of each of so many hours stays", Default.value("24"), Set.of(TRAINER, REPLAY),
            Set.of()),
    KEEP_DAILY("keep-daily", "N", new Form.Number(0, 1_000_000), "the last full snapshot of each of so many days stays",
            Default.value("7"), Set.of(TRAINER, REPLAY), Set.of()),
    SNAPSHOT_DELTAS("snapshot-deltas", "N", new Form.Number(0, 1_000_000),
            "most deltas that are published between two full snapshots", Default.value("50"), Set.of(TRAINER, REPLAY),
            Set.of()),
    SNAPSHOT_COMPRESSION("snapshot-compression", "HOW", new Form.Choice(List.of("none", "zstd")),
            "compression of the parts of snapshots", Default.value("none"), Set.of(TRAINER, REPLAY), Set.of()),
    SNAPSHOT_PRIVATE_KEY("snapshot-private-key", "FILE", new Form.Text("a file"),
            "Ed25519 private key (PEM) that signs snapshots", Default.NONE, Set.of(TRAINER, REPLAY), Set.of()),
    SNAPSHOT_PUBLIC_KEY("snapshot-public-key", "FILE", new Form.Text("a file"),
            "Ed25519 public key (PEM); snapshots that do not match it are refused", Default.NONE,
            Set.of(SCORER, REPLAY, VERIFY, EXPORT, MODELS_ROLLBACK), Set.of()),
    STANDBY_REPLICAS("standby-replicas", "N", new Form.Number(0, 10),
            "how many other trainers keep a warm copy of a model, to take over", Default.value("0"),
            Set.of(TRAINER, REPLAY), Set.of()),
    REPLICATION("replication", "N", new Form.Number(1, Short.MAX_VALUE),
            "replication factor of the topics that are created", Default.told("the broker's default"),
            Set.of(TRAINER, REPLAY, MODELS_CREATE), Set.of()),
    DEAD_LETTER_RETENTION("dead-letter-retention", "TIME", new Form.Retention(),
            "retention of the dead-letter topic, set when it is created: P30D, PT12H, forever", Default.value("P30D"),
            Set.of(TRAINER, REPLAY, SCORER), Set.of()),
    MAX_BODY_BYTES("max-body-bytes", "N", new Form.Number(1, 1 << 30),
            "largest body of a request; a larger one is answered 413", Default.value("1048576"), Set.of(SCORER),
            Set.of()),
    MAX_CONNECTIONS("max-connections", "N", new Form.Number(1, 1_000_000),
            "most open connections; for another one the longest silent one is closed", Default.value("1024"),
            Set.of(SCORER), Set.of()),
    MAX_CONCURRENT_REQUESTS("max-concurrent-requests", "N", new Form.Number(1, 1_000_000),
            "most requests worked on at once; others wait a moment, then get 503", Default.told("two per processor"),
            Set.of(SCORER), Set.of()),
    MAX_BODIES_BYTES("max-bodies-bytes", "N", new Form.Number(1, Long.MAX_VALUE),
            "most bytes of all request bodies at once; more get 503", Default.told("a quarter of the heap"),
            Set.of(SCORER), Set.of()),
    TLS_CERTIFICATE("tls-certificate", "FILE", new Form.Text("a file"),
            "certificate and its issuers (PEM): answer over TLS only", Default.NONE, Set.of(SCORER), Set.of()),
    TLS_PRIVATE_KEY("tls-private-key", "FILE", new Form.Text("a file"),
            "private key of --tls-certificate (PEM, PKCS #8)", Default.NONE, Set.of(SCORER), Set.of()),
    TOKEN_FILE("token-file", "FILE", new Form.Text("a file"),
            "tokens, one a line; a request must have one: Authorization: Bearer TOKEN", Default.NONE, Set.of(SCORER),
            Set.of()),
    MAX_SNAPSHOT_BYTES("max-snapshot-bytes", "N", new Form.Number(1, Long.MAX_VALUE),
            "largest model that is loaded; a larger one is refused", Default.told("a quarter of the heap"),
            Set.of(SCORER, REPLAY, VERIFY, EXPORT, MODELS_ROLLBACK), Set.of()),
    MAX_AGE("max-age", "SECONDS", new Form.Number(1, 31_536_000),
            "not ready while the newest event served is older than this; answers go on", Default.told("off"),
            Set.of(SCORER), Set.of()),
    PIN("pin", "NAME=EPOCH.VERSION", new Form.Many(new Form.Pin()),
            "serve only this published version of the model; repeat it for other models", Default.NONE, Set.of(SCORER),
            Set.of()),
    UNKNOWN_FIELDS("unknown-fields", "MODE", new Form.Choice(List.of("refuse", "ignore")),
            "what to do with a request's fields that no feature reads", Default.value("refuse"), Set.of(SCORER),
            Set.of()),
    REQUESTS_TOPIC("requests-topic", "TOPIC", new Form.Name(),
            "also answer the requests on this topic, as PREFIX.requests; needs --registry-url", Default.told("off"),
            Set.of(SCORER), Set.of()),
    PREDICTIONS_TOPIC("predictions-topic", "TOPIC", new Form.Name(), "topic of the answers to --requests-topic",
            Default.told("PREFIX.predictions"), Set.of(SCORER), Set.of()),
    REQUESTS_GROUP("requests-group", "GROUP", new Form.Name(),
            "consumer group of all scorers that share --requests-topic", Default.told("PREFIX-scorer-requests"),
            Set.of(SCORER), Set.of()),
    FROM("from", "WHERE", new Form.Place(List.of("begin"), true),
            "where to begin: begin, an offset, a time, or snapshot:N", Default.told("where the model began"),
            Set.of(REPLAY), Set.of()),
    UNTIL("until", "WHERE", new Form.Place(List.of("end", "live"), false),
            "stop before an offset or a time, or at the end; or go live", Default.told("the log's end at the start"),
            Set.of(REPLAY), Set.of()),
    WITH_SPEC("with-spec", "FILE", new Form.Text("a file"),
            "file of a spec to learn by, in place of the registered one", Default.NONE, Set.of(REPLAY), Set.of()),
    AS("as", "NAME", new Form.Name(), "replay: keep the result as a model of this name; verify: compare a renamed copy",
            Default.NONE, Set.of(REPLAY, VERIFY), Set.of()),
    COMPARE("compare", "NAME", new Form.Name(), "a registered model that learns the same events, for comparison",
            Default.NONE, Set.of(REPLAY), Set.of()),
    OFFSET("offset", "OFFSET", new Form.Number(0, Long.MAX_VALUE),
            "offset of the events topic: the model that has learned everything before it", Default.NONE,
            Set.of(SNAPSHOTS_AT), Set.of()),
    TIME("time", "TIME", new Form.Place(List.of(), false),
            "2026-01-31T12:00:00Z: the model that has learned every record before this time", Default.NONE,
            Set.of(SNAPSHOTS_AT), Set.of()),
    OUT("out", "FILE", new Form.Text("a file"),
            "file to write: .tidegrad, .onnx, .safetensors; replay: the weights of --from snapshot:N", Default.NONE,
            Set.of(REPLAY, SNAPSHOTS_AT), Set.of()),
    STREAM("stream", "NAME", new Form.Choice(List.of("flights", "digits")),
            "learn a stream that ships with Tidegrad, in place of a topic", Default.NONE, Set.of(LR_FIND), Set.of()),
    FROM_RATE("from-rate", "RATE", new Form.Decimal(), "learning rate of the first update", Default.value("1e-6"),
            Set.of(LR_FIND), Set.of()),
    TO_RATE("to-rate", "RATE", new Form.Decimal(),
            "learning rate of the last update; a loss that explodes ends it earlier", Default.value("10"),
            Set.of(LR_FIND), Set.of()),
    EVENTS("events", "N", new Form.Number(1, 1_000_000_000), "number of events between the first and the last rate",
            Default.told("10000, or what there is"), Set.of(LR_FIND), Set.of()),
    PLOT("plot", "FILE", new Form.Text("a file"), "file for a plot of loss against rate (SVG)", Default.NONE,
            Set.of(LR_FIND), Set.of()),
    JSON("json", "", new Form.Flag(), "print the result as one line of JSON", Default.NONE,
            andModels(REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, LR_FIND), Set.of()),
    KAFKA("kafka.KEY", "VALUE", new Form.Text("a value"), "a setting of all Kafka clients (TLS, SASL, ...)",
            Default.NONE, andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT, LR_FIND),
            Set.of()),
    REGISTRY("registry.KEY", "VALUE", new Form.Text("a value"),
            "a setting of the registry's client (user and password, time-outs)", Default.NONE,
            andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_AT, LR_FIND), Set.of()),
    CONFIG("config", "FILE", new Form.Text("a file"),
            "file of properties with these names; a file can't name another one", Default.NONE,
            andModels(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, EXPORT, LR_FIND), Set.of());

    private static Set<Command> andModels(Command... more) {
        Set<Command> all = EnumSet.copyOf(Command.models());
        all.addAll(List.of(more));
        return Set.copyOf(all);
    }

    /// Commands that change something.
    private static Set<Command> decisions() {
        return Set.of(MODELS_CREATE, MODELS_PAUSE, MODELS_RESUME, MODELS_ROLLBACK, MODELS_PROMOTE, MODELS_SHADOW,
                MODELS_CHALLENGE, MODELS_WITHDRAW, MODELS_DELETE);
    }

    private final String key;
    private final String placeholder;
    private final Form form;
    private final String meaning;
    private final Default byDefault;
    private final Set<Command> commands;
    private final Set<Command> required;

    Setting(String key, String placeholder, Form form, String meaning, Default byDefault, Set<Command> commands,
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
            return "address to listen on; nobody is asked for a password";
        }
        if (this == OUT && !FROM.isOf(command)) {
            return "file to write: .tidegrad, .onnx, .safetensors";
        }
        if (ofModels && (this == REGISTRY_URL || this == REGISTRY)) {
            return "has no effect here; other commands need it";
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

    @Nullable
    String defaultValue() {
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
