package io.tidegrad.cli;

import static io.tidegrad.console.ConsoleSettings.CONSOLE;
import static io.tidegrad.joiner.app.JoinerSettings.JOINER;
import static io.tidegrad.ops.settings.CommonSettings.BOOTSTRAP_SERVERS;
import static io.tidegrad.ops.settings.CommonSettings.CONFIG;
import static io.tidegrad.ops.settings.CommonSettings.DEAD_LETTER_RETENTION;
import static io.tidegrad.ops.settings.CommonSettings.KAFKA;
import static io.tidegrad.ops.settings.CommonSettings.MAX_SNAPSHOT_BYTES;
import static io.tidegrad.ops.settings.CommonSettings.MODEL;
import static io.tidegrad.ops.settings.CommonSettings.PREFIX;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY;
import static io.tidegrad.ops.settings.CommonSettings.REGISTRY_URL;
import static io.tidegrad.ops.settings.CommonSettings.REPLICATION;
import static io.tidegrad.ops.settings.CommonSettings.SNAPSHOT_PUBLIC_KEY;
import static io.tidegrad.ops.settings.CommonSettings.SPEC;
import static io.tidegrad.ops.settings.CommonSettings.STANDBY_REPLICAS;
import static io.tidegrad.ops.settings.CommonSettings.STATE_DIR;
import static io.tidegrad.ops.settings.CommonSettings.STREAM;
import static io.tidegrad.ops.settings.Setting.Use.all;
import static io.tidegrad.ops.settings.Setting.Use.optional;
import static io.tidegrad.ops.settings.Setting.Use.optionalFirst;
import static io.tidegrad.ops.settings.Setting.Use.required;
import static io.tidegrad.ops.settings.Setting.Use.requiredFirst;
import static io.tidegrad.scorerapp.ScorerSettings.SCORER;
import static io.tidegrad.trainer.TrainerSettings.LEARNING;

import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Commands;
import io.tidegrad.ops.settings.Form;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.trainer.TrainerSettings;
import java.util.List;

/// The commands of the command line that have settings, and the settings that neither trainer, joiner nor scorer has.
final class CliSettings {
    static final Setting WITH_JOINER = Setting.of("with-joiner", "", Form.FLAG,
            "also join the streams that this trainer's models learn from, with one thread each");
    static final Setting VERSION =
            Setting.of("version", "N", Form.number(0, Long.MAX_VALUE), "a version that is still on the snapshots topic")
                    .otherwise("the newest; none for a rollback");
    static final Setting EPOCH = Setting.of("epoch", "N", Form.number(1, Integer.MAX_VALUE), "the epoch that is meant")
            .otherwise("the newest that has the version; to delete a stream, all");
    static final Setting RESUME_AT = Setting
            .of("resume-at", "WHERE", Form.place(List.of("base", "end"), false),
                    "where learning goes on: base (the version), end, an offset, a time")
            .otherwise("end; replay: base");
    static final Setting EXACT = Setting.of("exact", "", Form.FLAG,
            "make the model of that very offset or time, also if an earlier version is published");
    static final Setting PAUSED =
            Setting.of("paused", "", Form.FLAG, "leave the model of --as paused: it can answer, and learns nothing");
    static final Setting START_AT = Setting.of("start-at", "WHERE", Form.place(List.of("begin", "end"), false),
            "where learning starts: begin or end of the log, an offset or a time").withDefault("begin");
    static final Setting FOR =
            Setting.of("for", "NAME", Form.NAME, "name of the model whose requests this one answers or scores")
                    .otherwise("the model's own");
    static final Setting SHARE = Setting.of("share", "PERCENT", Form.PERCENT,
            "share of the keys that the challenger answers for, from 0.01 to 100 percent");
    static final Setting KEEP_DATA = Setting.of("keep-data", "", Form.FLAG,
            "keep what is stored of it: snapshots or examples, changelogs and consumer groups");
    static final Setting REASON = Setting.of("reason", "TEXT", Form.text("a text"),
            "the reason, which the control topic keeps with the decision");
    static final Setting AUTHOR = Setting
            .of("author", "NAME", Form.text("a name"), "who decides, which the control topic keeps with the decision")
            .otherwise("user@host");
    static final Setting TIMEOUT = Setting.of("timeout", "SECONDS", Form.number(0, 86_400),
            "how long to wait until a trainer or a joiner, and where needed scorers, follow").withDefault("60");
    static final Setting WAIT = Setting.of("wait", "", Form.FLAG,
            "wait for the scorers too, and exit with 75 if one does not follow; always on a terminal");
    static final Setting TO = Setting.of("to", "FILE", Form.text("a file"),
            "file to write or replace; its name ends in .onnx, .safetensors or .snapshot");
    static final Setting FROM = Setting.of("from", "WHERE", Form.place(List.of("begin"), true),
            "where to begin: begin, an offset, a time, or snapshot:N").otherwise("where model or topics begin");
    static final Setting UNTIL = Setting.of("until", "WHERE", Form.place(List.of("end", "live"), false),
            "where to stop: an offset, a time, end, or never (live)").otherwise("the log's end at the start");
    static final Setting WITH_SPEC =
            Setting.of("with-spec", "FILE", Form.text("a file"), "file of a spec to use instead of the registered one");
    static final Setting AS = Setting.of("as", "NAME", Form.NAME,
            "replay: keep the result as a model of this name; verify: compare a renamed copy");
    static final Setting COMPARE = Setting.of("compare", "NAME", Form.NAME,
            "a registered model to compare with, which learns the same events");
    static final Setting OFFSET = Setting.of("offset", "OFFSET", Form.number(0, Long.MAX_VALUE),
            "take the model that has learned everything before this offset of the events topic");
    static final Setting TIME = Setting.of("time", "TIME", Form.place(List.of(), false),
            "take the model that has learned every record before this time");
    static final Setting OUT = Setting.of("out", "FILE", Form.text("a file"),
            "file to write (.tidegrad, .onnx or .safetensors); of replay the weights of --from snapshot:N");
    static final Setting FROM_RATE =
            Setting.of("from-rate", "RATE", Form.DECIMAL, "learning rate of the first update").withDefault("1e-6");
    static final Setting TO_RATE = Setting
            .of("to-rate", "RATE", Form.DECIMAL,
                    "learning rate of the last update, unless an exploding loss ends the test earlier")
            .withDefault("10");
    static final Setting EVENTS = Setting
            .of("events", "N", Form.number(1, 1_000_000_000), "number of events between the first and the last rate")
            .otherwise("10000, or what there is");
    static final Setting PLOT =
            Setting.of("plot", "FILE", Form.text("a file"), "file for a plot of loss against rate (SVG)");
    static final Setting JSON = Setting.of("json", "", Form.FLAG, "print the result as one line of JSON");
    static final Setting TELL = Setting.of("tell", "", Form.FLAG,
            "also write what was found to the topic of progress, where a console shows it");

    static final Setting DATA = Setting.of("data", "FILE", Form.text("a file"),
            "file of events: .csv or .jsonl, also with .gz, or .parquet");
    static final Setting LABEL = Setting.of("label", "FIELD", Form.text("a field"), "the field that is to be predicted")
            .otherwise("label, y, target or class, or else the last");
    static final Setting TOPIC = Setting.of("topic", "TOPIC", Form.text("a topic"), "the topic of events to look at");
    static final Setting LABEL_DELAY = Setting
            .of("label-delay", "ROWS|DURATION", Form.ROWS_OR_DURATION,
                    "a row's label is learned only after that many other rows, or that much event time")
            .withDefault("0");
    static final Setting REPEAT =
            Setting.of("repeat", "K", Form.number(1, 10_000), "how often the file is learned").withDefault("1");
    static final Setting GRID =
            Setting.of("grid", "KEY=VALUE,…", Form.many(Form.text("a key of the spec and its values")),
                    "try these values of a spec's key, for instance optimizer.rate=0.001,0.01; can be repeated");
    static final Setting BESIDE_TUNED = Setting.of("beside-tuned", "", Form.FLAG,
            "let 24 tuned learners learn the same, and tell how far a recipe is from the best of them");
    static final Setting REPORT =
            Setting.of("report", "FILE", Form.text("a file"), "file for a report with plots (HTML)");

    private static final List<Setting.Use> BOTH = required(BOOTSTRAP_SERVERS, REGISTRY_URL);
    private static final List<Setting.Use> CONNECTIONS = optional(KAFKA, REGISTRY, CONFIG);

    private static final String EXIT_STATUS = "Exit status: as the trainer's, docs/operations/run.md.";
    private static final String NO_EFFECT = "has no effect here; other commands need it";
    private static final List<Setting.Use> MODELS_BEGIN =
            all(required(BOOTSTRAP_SERVERS), optional(REGISTRY_URL, NO_EFFECT));
    private static final List<Setting.Use> MODELS_END =
            all(optional(JSON, KAFKA), optional(REGISTRY, NO_EFFECT), optional(CONFIG));
    private static final List<Setting.Use> DECISION = optional(REASON, AUTHOR, TIMEOUT);

    static final Command TRAINER = new Command(TrainerSettings.TRAINER.word(), TrainerSettings.TRAINER.purpose(),
            TrainerSettings.TRAINER.more(), TrainerSettings.TRAINER.uses(), optional(WITH_JOINER));
    static final Command REPLAY =
            new Command("replay", "learn a log again, by a registered model's spec or another one", """
            Reads the events topic from where the model began, learns as fast as the engine can, and prints the hashes. The
            trainer prints the same hashes for the same offset; if not, something is broken. With --with-spec, or with
            another --from, the result is another model: --compare scores a registered model on the same events, --as keeps
            and publishes the result, and --until live continues as its trainer. docs/operations/replay.md shows each.
            """ + EXIT_STATUS, BOTH, required(MODEL), optional(TrainerSettings.WORKERS, STATE_DIR), LEARNING,
                    optional(SNAPSHOT_PUBLIC_KEY, STANDBY_REPLICAS, REPLICATION, DEAD_LETTER_RETENTION,
                            MAX_SNAPSHOT_BYTES, FROM, UNTIL, WITH_SPEC, AS, RESUME_AT, PAUSED, COMPARE, OUT, TELL,
                            JSON),
                    CONNECTIONS);
    static final Command VERIFY =
            new Command("verify", "learn a published version again and compare its hashes with the log's", """
            Learns in a process of its own, from the events topic and the registered spec alone. Without --version it
            compares the newest version, all others that are still published, and the live state. If they differ, it shows
            between which batches, and which tensor and index differ first.
            With --stream it joins the stream's topics again, by brute force, and compares with its examples; if they differ,
            it shows whose. docs/streams.md says what it can't tell.
            Exit status: 0 equal, 3 they differ, else as the trainer's, docs/operations/run.md.""", BOTH,
                    optional(MODEL, STREAM), optional(EPOCH, "the epoch of --stream"), optional(VERSION,
                            TrainerSettings.WORKERS, PREFIX, SNAPSHOT_PUBLIC_KEY, MAX_SNAPSHOT_BYTES, AS, TELL, JSON),
                    CONNECTIONS);
    static final Command SNAPSHOTS_LIST =
            new Command("snapshots list", "list the versions of a model that are still published", EXIT_STATUS,
                    required(BOOTSTRAP_SERVERS, MODEL), optional(PREFIX, JSON, KAFKA, CONFIG));
    static final Command SNAPSHOTS_AT =
            new Command("snapshots at", "bring back a model exactly as it was at an offset or a time", """
            Needs either --offset or --time. It loads the nearest earlier state and learns the events after it again, so the
            hashes are those of the trainer at that moment. A .tidegrad file holds weights and optimizer state.
            """ + EXIT_STATUS, BOTH, required(MODEL), optional(PREFIX, OFFSET, TIME),
                    optional(OUT, "file to write: .tidegrad, .onnx, .safetensors"), optional(JSON), CONNECTIONS);
    static final Command MODELS_LIST =
            new Command("models list", "list the registered models and how far each has learned",
                    "With --model it lists only these. " + EXIT_STATUS, MODELS_BEGIN, optionalFirst(MODEL),
                    optional(PREFIX), MODELS_END);
    static final Command MODELS_SHOW =
            new Command("models show", "show all that is known of a model: lineage, decisions, published versions",
                    EXIT_STATUS, MODELS_BEGIN, modelOf("models show"), optional(PREFIX), MODELS_END);
    static final Command MODELS_COMPARE =
            new Command("models compare", "say whether a model is better than another one, as far as that is certain", """
            Learns both from their log, each from its own start and each event after it was predicted, and compares their losses
            at the same events. It changes neither model. docs/operations/decide.md tells what the verdict means.
            """ + EXIT_STATUS, BOTH, modelOf("models compare"),
                    required(FOR, "name of the model that this one is compared with"),
                    optional(FROM, "the first event that counts: begin, an offset or a time"),
                    optional(UNTIL, TrainerSettings.WORKERS, PREFIX, TELL, JSON), CONNECTIONS);
    static final Command MODELS_CREATE = new Command("models create", "register a model, for a trainer to learn", """
            A trainer with --all-models begins to learn it at once, another one if it is started with --model NAME. A model
            that was deleted is created again in a new epoch.
            """ + EXIT_STATUS, required(BOOTSTRAP_SERVERS),
            optional(REGISTRY_URL,
                    "where the fields of events are looked up; without it, the first event must have all"),
            required(SPEC), optional(START_AT), DECISION, optional(PREFIX, REPLICATION, JSON, KAFKA, REGISTRY, CONFIG));
    static final Command MODELS_PAUSE =
            decision("pause", "stop learning; what is published goes on answering", "", List.of());
    static final Command MODELS_RESUME = decision("resume", "go on learning where it stopped", "", List.of());
    static final Command MODELS_ROLLBACK =
            new Command("models rollback", "go back to an earlier version, in a new epoch", """
            Needs one of --version, --offset and --time. The latter two take the newest version on the topic that has learned
            nothing after that place. If none is near, or with --exact, the command learns the log again up to there. Scorers
            serve the version at once and refuse all versions of earlier epochs, however new. The trainer continues from
            --resume-at. The events in between are never learned. docs/operations/decide.md says what is near.
            """ + EXIT_STATUS, required(BOOTSTRAP_SERVERS),
                    optional(REGISTRY_URL, "needed if the log is learned again"), modelOf("models rollback"),
                    optional(VERSION, OFFSET, TIME, EXACT, EPOCH, RESUME_AT), DECISION,
                    optional(WAIT, PREFIX, REPLICATION, DEAD_LETTER_RETENTION, TrainerSettings.SNAPSHOT_COMPRESSION,
                            TrainerSettings.SNAPSHOT_PRIVATE_KEY, SNAPSHOT_PUBLIC_KEY, MAX_SNAPSHOT_BYTES, JSON),
                    CONNECTIONS);
    static final Command MODELS_UPGRADE = new Command("models upgrade",
            "let this build go on with a model that a build of other numerics has learned", """
            Pauses the model, waits until no trainer has it, and begins a new epoch with the exact state that was left. Nothing
            is learned again. Trainers of this build go on from there, those of the other one refuse the epoch. An older build
            takes a model back by the same command, if it reads the formats. docs/operations/upgrade.md tells the order.
            """ + EXIT_STATUS, required(BOOTSTRAP_SERVERS), optional(REGISTRY_URL, NO_EFFECT),
            modelOf("models upgrade"), DECISION,
            optional(PREFIX, REPLICATION, DEAD_LETTER_RETENTION, TrainerSettings.SNAPSHOT_COMPRESSION,
                    TrainerSettings.SNAPSHOT_PRIVATE_KEY, JSON, KAFKA),
            optional(REGISTRY, NO_EFFECT), optional(CONFIG));
    static final Command MODELS_ADOPT = new Command("models adopt",
            "let a model go on with a copy of its log, in another cluster or after a restore", """
            Reads the state that the model's changelog holds, which was copied too, and looks in the copy of the log for the
            place up to which it has learned: there the hashes of both agree. A new epoch goes on from there with the exact
            state, and nothing is learned again. If they agree nowhere, it says how far they do, and changes nothing.
            docs/operations/backup.md tells what to copy.
            """ + EXIT_STATUS, required(BOOTSTRAP_SERVERS), optional(REGISTRY_URL, NO_EFFECT), modelOf("models adopt"),
            optional(REASON, AUTHOR, PREFIX, REPLICATION, DEAD_LETTER_RETENTION, TrainerSettings.SNAPSHOT_COMPRESSION,
                    TrainerSettings.SNAPSHOT_PRIVATE_KEY, JSON, KAFKA),
            optional(REGISTRY, NO_EFFECT), optional(CONFIG));
    static final Command MODELS_PROMOTE = decision("promote", "let a model answer, for its own name or for another one", """
            With --for NAME, scorers of NAME answer by this model from now on. The model that answered before continues to
            learn, so it can be promoted again. Without --for, the model answers for its own name.
            """, optional(FOR), WAIT, PREFIX);
    static final Command MODELS_SHADOW =
            decision("shadow", "let a model score what another one is asked, and answer nothing", """
            Scorers of --for NAME also score every request by this model after they have answered it, and compare the
            predictions: the result is on the progress topic, in health and in metrics. `models withdraw` ends it.
            """, required(FOR));
    static final Command MODELS_CHALLENGE =
            decision("challenge", "let a model answer for a share of another one's keys", """
            Scorers of --for NAME answer by this model for --share percent of the keys of requests, always for the same
            keys. Give it again to change the share. `models withdraw` or `models promote` ends it.
            """, required(FOR, SHARE));
    static final Command MODELS_WITHDRAW =
            decision("withdraw", "end what `models shadow` or `models challenge` began", "", required(FOR));
    static final Command MODELS_DELETE = decision("delete", "take a model out of the catalog, and what is stored of it", """
            Deletes its snapshots, changelogs and groups once no trainer has it any more. Its events, dead letters, progress
            records and all decisions about it stay.
            """, optional(KEEP_DATA));
    static final Command STREAMS_LIST = new Command("streams list", "list the streams and who learns from them",
            "With --stream it lists only these. " + EXIT_STATUS, MODELS_BEGIN, optionalFirst(STREAM), optional(PREFIX),
            MODELS_END);
    static final Command STREAMS_SHOW =
            new Command("streams show", "show all that is known of a stream: epochs, topics, models, decisions",
                    EXIT_STATUS, MODELS_BEGIN, streamOf("streams show"), optional(PREFIX), MODELS_END);
    static final Command STREAMS_CREATE = new Command("streams create", "create a stream, or a new epoch of one", """
            Checks the topics that the spec names, tells all that is not as it must be, and creates the topic of examples. A
            stream whose spec has changed begins a new epoch: new models learn from that one, others go on with theirs.
            """ + EXIT_STATUS, required(BOOTSTRAP_SERVERS),
            optional(REGISTRY_URL,
                    "where the paths of the spec are looked up; without it, what has none is a dead letter"),
            required(SPEC, "file of a stream's spec"),
            optional(FROM, "begin, or the time from which on the topics are joined"),
            optional(REASON, AUTHOR, PREFIX, REPLICATION, JSON, KAFKA, REGISTRY, CONFIG));
    static final Command STREAMS_PAUSE =
            streamDecision("pause", "stop joining; models learn what there is", "", List.of());
    static final Command STREAMS_RESUME = streamDecision("resume", "go on joining where it stopped", "", List.of());
    static final Command STREAMS_DELETE = streamDecision("delete", "end a stream, and delete what is stored of it", """
            Deletes its examples, changelogs and group once no joiner joins it any more. A stream from which models still learn
            is not deleted. Its events, labels, dead letters and all decisions about it stay.
            """, all(optional(EPOCH, "only this epoch of the stream"),
            optional(TIMEOUT, "how long to wait until no joiner has it"), optional(KEEP_DATA)));
    static final Command EXPORT =
            new Command("export", "write a model's weights, as they are served, to an .onnx or a .safetensors file", """
            Reads the newest snapshot, or the one of --version, from the snapshots topic and verifies it as a scorer does.
            docs/exchange.md describes the files.
            Exit status: 1 if the version is not there or can't be written in this format, else as the trainer's,
            docs/operations/run.md.""", required(BOOTSTRAP_SERVERS, MODEL), optional(VERSION), required(TO),
                    optional(PREFIX, SNAPSHOT_PUBLIC_KEY, MAX_SNAPSHOT_BYTES, KAFKA, CONFIG));
    static final Command LR_FIND =
            new Command("lr-find", "raise the learning rate along a stream and say which one to take", """
            With --spec, --bootstrap-servers and --registry-url it reads the spec's topic from its beginning and writes
            nothing there. With --stream it reads a stream that ships with Tidegrad, by the stream's own spec unless --spec
            is given. What it learns is discarded. docs/troubles.md explains how to read the plot.
            """ + EXIT_STATUS, optional(BOOTSTRAP_SERVERS, REGISTRY_URL, SPEC),
                    optional(STREAM, "learn a stream that ships with Tidegrad instead of a topic: flights or digits"),
                    optional(PREFIX, FROM_RATE, TO_RATE, EVENTS, PLOT, JSON), CONNECTIONS);

    static final Command BACKTEST =
            new Command("backtest", "learn a file of events without Kafka, and print how good the model is", """
            Each row is predicted, then learned, by the trainer's own code: after the same events the hashes are the
            trainer's. With several specs, with --grid or --beside-tuned it reads the file once for all of them and prints a table, the
            lowest loss first. docs/backtest.md shows what it prints.
            Exit status: 4 if a model diverged, else as the trainer's, docs/operations/run.md.""", required(SPEC, DATA),
                    optional(LABEL_DELAY, REPEAT, GRID, BESIDE_TUNED, TrainerSettings.WORKERS, REPORT, JSON, CONFIG));

    /// Where `test --chaos` tells what it found.
    static final Command CHAOS =
            new Command("chaos", "tell a cluster what chaos found", "", BOTH, optional(PREFIX), CONNECTIONS);

    static final Command SPEC_SUGGEST =
            new Command("spec suggest", "suggest a spec for events, with the reason for each line", """
            Prints a spec to start from, by what the first 20,000 events of a file or the newest 20,000 of a topic show: types,
            missing values, how many values there are, and fields that seem to know the label. Of a topic without events
            the registered schema says less. docs/backtest.md shows what comes of it.
            """ + EXIT_STATUS, optional(DATA), optional(TOPIC, "the topic of events to look at, instead of --data"),
                    optional(LABEL, BOOTSTRAP_SERVERS, REGISTRY_URL), CONNECTIONS);
    static final Command SPEC_CHECK =
            new Command("spec check", "look for a spec's fields in the schemas of its topic, as a registration does", """
            Tells every field that no version of the schema has, with the nearest path, and every one whose type does not fit.
            """ + EXIT_STATUS, required(SPEC, REGISTRY_URL),
                    optional(TOPIC, "the topic of events, instead of the spec's"), optional(REGISTRY, CONFIG));

    static final Commands ALL = Commands.of(TRAINER, JOINER, SCORER, CONSOLE, REPLAY, VERIFY, SNAPSHOTS_LIST,
            SNAPSHOTS_AT, MODELS_LIST, MODELS_SHOW, MODELS_COMPARE, MODELS_CREATE, MODELS_PAUSE, MODELS_RESUME,
            MODELS_ROLLBACK, MODELS_UPGRADE, MODELS_ADOPT, MODELS_PROMOTE, MODELS_SHADOW, MODELS_CHALLENGE,
            MODELS_WITHDRAW, MODELS_DELETE, STREAMS_LIST, STREAMS_SHOW, STREAMS_CREATE, STREAMS_PAUSE, STREAMS_RESUME,
            STREAMS_DELETE, EXPORT, LR_FIND, BACKTEST, SPEC_SUGGEST, SPEC_CHECK);

    private CliSettings() {}

    /// Declares a command that decides something about the model of `--model`.
    ///
    /// @param own settings after the model that only this command has
    /// @param last settings after those of every decision
    private static Command decision(String word, String purpose, String more, List<Setting.Use> own, Setting... last) {
        return new Command("models " + word, purpose, more + EXIT_STATUS, MODELS_BEGIN, modelOf("models " + word), own,
                DECISION, optional(last.length == 0 ? new Setting[]{PREFIX} : last), MODELS_END);
    }

    /// Declares a command that decides something about the stream of `--stream`.
    private static Command streamDecision(String word, String purpose, String more, List<Setting.Use> own) {
        return new Command("streams " + word, purpose, more + EXIT_STATUS, MODELS_BEGIN, streamOf("streams " + word),
                own, optional(REASON, AUTHOR, PREFIX), MODELS_END);
    }

    private static List<Setting.Use> streamOf(String word) {
        return requiredFirst(STREAM, "a stream; may also stand first: " + word + " NAME");
    }

    private static List<Setting.Use> modelOf(String word) {
        return requiredFirst(MODEL, "a registered model; may also stand first: " + word + " NAME");
    }
}
