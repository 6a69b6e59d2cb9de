package io.tidegrad.cli;

import static io.tidegrad.cli.CliSettings.AS;
import static io.tidegrad.cli.CliSettings.AUTHOR;
import static io.tidegrad.cli.CliSettings.COMPARE;
import static io.tidegrad.cli.CliSettings.EPOCH;
import static io.tidegrad.cli.CliSettings.EVENTS;
import static io.tidegrad.cli.CliSettings.FOR;
import static io.tidegrad.cli.CliSettings.FROM;
import static io.tidegrad.cli.CliSettings.FROM_RATE;
import static io.tidegrad.cli.CliSettings.JSON;
import static io.tidegrad.cli.CliSettings.KEEP_DATA;
import static io.tidegrad.cli.CliSettings.OFFSET;
import static io.tidegrad.cli.CliSettings.OUT;
import static io.tidegrad.cli.CliSettings.PLOT;
import static io.tidegrad.cli.CliSettings.REASON;
import static io.tidegrad.cli.CliSettings.RESUME_AT;
import static io.tidegrad.cli.CliSettings.SHARE;
import static io.tidegrad.cli.CliSettings.START_AT;
import static io.tidegrad.cli.CliSettings.STREAM;
import static io.tidegrad.cli.CliSettings.TIME;
import static io.tidegrad.cli.CliSettings.TIMEOUT;
import static io.tidegrad.cli.CliSettings.TO;
import static io.tidegrad.cli.CliSettings.TO_RATE;
import static io.tidegrad.cli.CliSettings.UNTIL;
import static io.tidegrad.cli.CliSettings.VERSION;
import static io.tidegrad.cli.CliSettings.WAIT;
import static io.tidegrad.cli.CliSettings.WITH_SPEC;
import static io.tidegrad.ops.settings.CommonSettings.BOOTSTRAP_SERVERS;
import static io.tidegrad.ops.settings.CommonSettings.CONFIG;
import static io.tidegrad.ops.settings.CommonSettings.DEAD_LETTER_RETENTION;
import static io.tidegrad.ops.settings.CommonSettings.KAFKA;
import static io.tidegrad.ops.settings.CommonSettings.MAX_SNAPSHOT_BYTES;
import static io.tidegrad.ops.settings.CommonSettings.MODEL;
import static io.tidegrad.ops.settings.CommonSettings.PREFIX;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY_URL;
import static io.tidegrad.ops.settings.CommonSettings.SNAPSHOT_PUBLIC_KEY;
import static io.tidegrad.ops.settings.CommonSettings.STATE_DIR;
import static io.tidegrad.ops.settings.Setting.Use.all;
import static io.tidegrad.ops.settings.Setting.Use.requiredFirst;
import static io.tidegrad.ops.settings.Setting.Use.optionalFirst;
import static io.tidegrad.ops.settings.Setting.Use.optional;
import static io.tidegrad.ops.settings.Setting.Use.required;
import static io.tidegrad.trainer.TrainerSettings.LEARNING;
import static io.tidegrad.trainer.TrainerSettings.REPLICATION;
import static io.tidegrad.trainer.TrainerSettings.SPEC;
import static io.tidegrad.trainer.TrainerSettings.STANDBY_REPLICAS;
import static io.tidegrad.trainer.TrainerSettings.TRAINER;
import static io.tidegrad.scorerapp.ScorerSettings.SCORER;

import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Setting;
import java.util.List;

/// All commands that are told what to do by settings: trainer's and scorer's, which declare theirs, and those of the
/// command line.
final class CliCommands {
    private static final List<Setting.Use> BOTH = required(BOOTSTRAP_SERVERS, REGISTRY_URL);
    private static final List<Setting.Use> CONNECTIONS = optional(KAFKA, REGISTRY, CONFIG);

    private static final String NO_EFFECT = "has no effect here; other commands need it";
    private static final List<Setting.Use> MODELS_BEGIN =
            all(required(BOOTSTRAP_SERVERS), optional(REGISTRY_URL, NO_EFFECT));
    private static final List<Setting.Use> MODELS_END =
            all(optional(JSON, KAFKA), optional(REGISTRY, NO_EFFECT), optional(CONFIG));
    private static final List<Setting.Use> DECISION = optional(REASON, AUTHOR, TIMEOUT);

    static final Command REPLAY =
            new Command("replay", "learn a log again, by a registered model's spec or another one", """
            Reads the events topic from where the model began, learns as fast as the engine goes, and prints the hashes. The
            trainer prints the same ones for the same offset, or something is broken. With --with-spec, or from elsewhere, it is
            another model: --compare scores a registered one on the same events, --as keeps it, --until live goes on as
            its trainer. docs/operations/replay.md shows each.
            Exit status: as the trainer's, docs/operations/run.md.""", BOTH, required(MODEL), optional(STATE_DIR),
                    LEARNING, optional(SNAPSHOT_PUBLIC_KEY, STANDBY_REPLICAS, REPLICATION, DEAD_LETTER_RETENTION,
                            MAX_SNAPSHOT_BYTES, FROM, UNTIL, WITH_SPEC, AS, COMPARE, OUT, JSON),
                    CONNECTIONS);
    static final Command VERIFY = new Command("verify",
            "learn a published version again and compare its hashes with the log's", """
            In a process of its own, from the events topic and the registered spec alone. Without --version the newest one,
            every other one that is still published, and the live state. Where they differ it says between which batches,
            and which tensor and index differ first.
            Exit status: 0 equal, 3 they differ, else as the trainer's, docs/operations/run.md.""", BOTH,
            required(MODEL), optional(VERSION, PREFIX, SNAPSHOT_PUBLIC_KEY, MAX_SNAPSHOT_BYTES, AS, JSON), CONNECTIONS);
    static final Command SNAPSHOTS_LIST =
            new Command("snapshots list", "list the versions of a model that are still published",
                    "Exit status: as the trainer's, docs/operations/run.md.", required(BOOTSTRAP_SERVERS, MODEL),
                    optional(PREFIX, JSON, KAFKA, CONFIG));
    static final Command SNAPSHOTS_AT =
            new Command("snapshots at", "bring back a model exactly as it was at an offset or a time", """
            Give one of --offset and --time. The nearest earlier state, and the events between learned again: the hashes are
            the trainer's of that moment. A .tidegrad file holds weights and optimizer state.
            Exit status: as the trainer's, docs/operations/run.md.""", BOTH, required(MODEL),
                    optional(PREFIX, OFFSET, TIME), optional(OUT, "file to write: .tidegrad, .onnx, .safetensors"),
                    optional(JSON), CONNECTIONS);
    static final Command MODELS_LIST =
            new Command("models list", "list the registered models and how far each has learned",
                    "With --model only these. Exit status: as the trainer's, docs/operations/run.md.", MODELS_BEGIN,
                    optionalFirst(MODEL), optional(PREFIX), MODELS_END);
    static final Command MODELS_SHOW =
            new Command("models show", "show all that is known of a model: lineage, decisions, published versions",
                    "Exit status: as the trainer's, docs/operations/run.md.", MODELS_BEGIN, modelOf("models show"),
                    optional(PREFIX), MODELS_END);
    static final Command MODELS_CREATE = new Command("models create", "register a model, for a trainer to learn", """
            A trainer with --all-models takes it up at once, another one when it is started with --model NAME. A model that
            was deleted is made anew, in a new epoch.
            Exit status: as the trainer's, docs/operations/run.md.""", MODELS_BEGIN, required(SPEC), optional(START_AT),
            DECISION, optional(PREFIX, REPLICATION), MODELS_END);
    static final Command MODELS_PAUSE =
            new Command("models pause", "stop learning; what is published goes on answering",
                    "Exit status: as the trainer's, docs/operations/run.md.", MODELS_BEGIN, modelOf("models pause"),
                    DECISION, optional(PREFIX), MODELS_END);
    static final Command MODELS_RESUME = new Command("models resume", "go on learning where it stopped",
            "Exit status: as the trainer's, docs/operations/run.md.", MODELS_BEGIN, modelOf("models resume"), DECISION,
            optional(PREFIX), MODELS_END);
    static final Command MODELS_ROLLBACK =
            new Command("models rollback", "go back to a published version, in a new epoch", """
            Scorers serve that version at once and refuse whatever is of an earlier epoch, however new. The trainer learns
            it again, with its optimizer state, and goes on from --resume-at: what lies between is left out for ever.
            Exit status: as the trainer's, docs/operations/run.md.""", MODELS_BEGIN, modelOf("models rollback"),
                    required(VERSION), optional(EPOCH, RESUME_AT), DECISION,
                    optional(WAIT, PREFIX, SNAPSHOT_PUBLIC_KEY, MAX_SNAPSHOT_BYTES), MODELS_END);
    static final Command MODELS_PROMOTE =
            new Command("models promote", "let a model answer, for its own name or for another one", """
            With --for NAME, scorers of NAME answer by this model from now on; what answered before learns on, so that it
            can be promoted back. Without, the model answers for its own name.
            Exit status: as the trainer's, docs/operations/run.md.""", MODELS_BEGIN, modelOf("models promote"),
                    optional(FOR), DECISION, optional(WAIT, PREFIX), MODELS_END);
    static final Command MODELS_SHADOW =
            new Command("models shadow", "let a model score what another one is asked, and answer nothing", """
            Scorers of --for NAME score every request by this model too, after it was answered, and compare: the progress
            topic, health and metrics have the result. `models withdraw` ends it.
            Exit status: as the trainer's, docs/operations/run.md.""", MODELS_BEGIN, modelOf("models shadow"),
                    required(FOR), DECISION, optional(PREFIX), MODELS_END);
    static final Command MODELS_CHALLENGE =
            new Command("models challenge", "let a model answer for a share of another one's keys", """
            Scorers of --for NAME answer by this model for --share percent of the keys that requests come with, always for
            the same ones. Given again, the share is another one. `models withdraw` or `models promote` ends it.
            Exit status: as the trainer's, docs/operations/run.md.""", MODELS_BEGIN, modelOf("models challenge"),
                    required(FOR, SHARE), DECISION, optional(PREFIX), MODELS_END);
    static final Command MODELS_WITHDRAW =
            new Command("models withdraw", "end what `models shadow` or `models challenge` began",
                    "Exit status: as the trainer's, docs/operations/run.md.", MODELS_BEGIN, modelOf("models withdraw"),
                    required(FOR), DECISION, optional(PREFIX), MODELS_END);
    static final Command MODELS_DELETE =
            new Command("models delete", "take a model out of the catalog, and what is stored of it", """
            Deletes its snapshots, changelogs and groups when no trainer has it any more. Its events stay, and so do dead
            letters, progress and every decision about it.
            Exit status: as the trainer's, docs/operations/run.md.""", MODELS_BEGIN, modelOf("models delete"),
                    optional(KEEP_DATA), DECISION, optional(PREFIX), MODELS_END);
    static final Command EXPORT =
            new Command("export", "write a model's weights, as they are served, to an .onnx or a .safetensors file",
                    """
            Reads the newest snapshot, or the one of --version, from the snapshots topic and verifies it as a scorer does.
            What the files hold: docs/exchange.md.
            Exit status: 1 the version is not there or can't be written so, else as the trainer's, docs/operations/run.md.""",
                    required(BOOTSTRAP_SERVERS, MODEL), optional(VERSION), required(TO),
                    optional(PREFIX, SNAPSHOT_PUBLIC_KEY, MAX_SNAPSHOT_BYTES, KAFKA, CONFIG));
    static final Command LR_FIND =
            new Command("lr-find", "raise the learning rate along a stream and say which one to take", """
            With --spec, --bootstrap-servers and --registry-url it reads the spec's topic from its beginning; nothing is
            written there. With --stream it reads one that ships with Tidegrad, by its own spec unless --spec is given.
            What it learns on the way is thrown away. docs/troubles.md tells how to read the plot.
            Exit status: as the trainer's, docs/operations/run.md.""",
                    optional(BOOTSTRAP_SERVERS, REGISTRY_URL, SPEC, STREAM, FROM_RATE, TO_RATE, EVENTS, PLOT, JSON),
                    CONNECTIONS);

    static final Commands ALL = Commands.of(TRAINER, SCORER, REPLAY, VERIFY, SNAPSHOTS_LIST, SNAPSHOTS_AT, MODELS_LIST,
            MODELS_SHOW, MODELS_CREATE, MODELS_PAUSE, MODELS_RESUME, MODELS_ROLLBACK, MODELS_PROMOTE, MODELS_SHADOW,
            MODELS_CHALLENGE, MODELS_WITHDRAW, MODELS_DELETE, EXPORT, LR_FIND);

    private CliCommands() {}

    private static List<Setting.Use> modelOf(String word) {
        return requiredFirst(MODEL, "a registered model; may also stand first: " + word + " NAME");
    }
}
