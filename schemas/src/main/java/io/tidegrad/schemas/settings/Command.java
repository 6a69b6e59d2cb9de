package io.tidegrad.schemas.settings;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/// A command that is told what to do by [Settings].
public enum Command {
    TRAINER("learn one or more models from their topics, exactly once",
            "Give at least one --spec or --model, or --all-models. Exit status: docs/operations/run.md."),
    SCORER("serve the newest weights of one or more models over HTTP",
            "Exit status: 0 stopped in order, 2 settings or credentials, 75 try again."),
    REPLAY("learn a log again, by a registered model's spec or another one", """
            Reads the events topic from where the model began, learns as fast as the engine goes, and prints the hashes. The
            trainer prints the same ones for the same offset, or something is broken. With --with-spec, or from elsewhere, it is
            another model: --compare scores a registered one on the same events, --as keeps it, --until live goes on as
            its trainer. docs/operations/replay.md shows each.
            Exit status: as the trainer's, docs/operations/run.md."""),
    VERIFY("learn a published version again and compare its hashes with the log's", """
            In a process of its own, from the events topic and the registered spec alone. Without --version the newest one,
            every other one that is still published, and the live state. Where they differ it says between which batches,
            and which tensor and index differ first.
            Exit status: 0 equal, 3 they differ, else as the trainer's, docs/operations/run.md."""),
    SNAPSHOTS_LIST("list the versions of a model that are still published",
            "Exit status: as the trainer's, docs/operations/run.md."),
    SNAPSHOTS_AT("bring back a model exactly as it was at an offset or a time", """
            Give one of --offset and --time. The nearest earlier state, and the events between learned again: the hashes are
            the trainer's of that moment. A .tidegrad file holds weights and optimizer state.
            Exit status: as the trainer's, docs/operations/run.md."""),
    MODELS_LIST("list the registered models and how far each has learned",
            "With --model only these. Exit status: as the trainer's, docs/operations/run.md."),
    MODELS_SHOW("show all that is known of a model: lineage, decisions, published versions",
            "Exit status: as the trainer's, docs/operations/run.md."),
    MODELS_CREATE("register a model, for a trainer to learn", """
            A trainer with --all-models takes it up at once, another one when it is started with --model NAME. A model that
            was deleted is made anew, in a new epoch.
            Exit status: as the trainer's, docs/operations/run.md."""),
    MODELS_PAUSE("stop learning; what is published goes on answering",
            "Exit status: as the trainer's, docs/operations/run.md."),
    MODELS_RESUME("go on learning where it stopped", "Exit status: as the trainer's, docs/operations/run.md."),
    MODELS_ROLLBACK("go back to a published version, in a new epoch", """
            Scorers serve that version at once and refuse whatever is of an earlier epoch, however new. The trainer learns
            it again, with its optimizer state, and goes on from --resume-at: what lies between is left out for ever.
            Exit status: as the trainer's, docs/operations/run.md."""),
    MODELS_PROMOTE("let a model answer, for its own name or for another one", """
            With --for NAME, scorers of NAME answer by this model from now on; what answered before learns on, so that it
            can be promoted back. Without, the model answers for its own name.
            Exit status: as the trainer's, docs/operations/run.md."""),
    MODELS_SHADOW("let a model score what another one is asked, and answer nothing", """
            Scorers of --for NAME score every request by this model too, after it was answered, and compare: the progress
            topic, health and metrics have the result. `models withdraw` ends it.
            Exit status: as the trainer's, docs/operations/run.md."""),
    MODELS_CHALLENGE("let a model answer for a share of another one's keys", """
            Scorers of --for NAME answer by this model for --share percent of the keys that requests come with, always for
            the same ones. Given again, the share is another one. `models withdraw` or `models promote` ends it.
            Exit status: as the trainer's, docs/operations/run.md."""),
    MODELS_WITHDRAW("end what `models shadow` or `models challenge` began",
            "Exit status: as the trainer's, docs/operations/run.md."),
    MODELS_DELETE("take a model out of the catalog, and what is stored of it", """
            Deletes its snapshots, changelogs and groups when no trainer has it any more. Its events stay, and so do dead
            letters, progress and every decision about it.
            Exit status: as the trainer's, docs/operations/run.md."""),
    EXPORT("write a model's weights, as they are served, to an .onnx or a .safetensors file",
            """
            Reads the newest snapshot, or the one of --version, from the snapshots topic and verifies it as a scorer does.
            What the files hold: docs/exchange.md.
            Exit status: 1 the version is not there or can't be written so, else as the trainer's, docs/operations/run.md."""),
    LR_FIND("raise the learning rate along a stream and say which one to take", """
            With --spec, --bootstrap-servers and --registry-url it reads the spec's topic from its beginning; nothing is
            written there. With --stream it reads one that ships with Tidegrad, by its own spec unless --spec is given.
            What it learns on the way is thrown away. docs/troubles.md tells how to read the plot.
            Exit status: as the trainer's, docs/operations/run.md.""");

    private static final String MODELS = "models_";

    /// All of `models`.
    static Set<Command> models() {
        return Arrays.stream(values()).filter(command -> command.name().toLowerCase(Locale.ROOT).startsWith(MODELS))
                .collect(Collectors.toUnmodifiableSet());
    }

    /// For people: `trainer, replay, models (pause, resume)`; of a family all of whose commands are among them, only
    /// its name.
    static String words(Set<Command> commands) {
        Map<String, List<Command>> families = Arrays.stream(values())
                .collect(Collectors.groupingBy(Command::family, LinkedHashMap::new, Collectors.toList()));
        List<String> words = new ArrayList<>();
        families.forEach((family, all) -> {
            List<Command> there = all.stream().filter(commands::contains).toList();
            List<Command> absent = all.stream().filter(command -> !commands.contains(command)).toList();
            if (absent.isEmpty()) {
                words.add(family);
            } else if (there.size() == 1) {
                words.add(there.getFirst().word());
            } else if (there.size() > absent.size()) {
                words.add(family + " (all but " + lastWords(absent) + ")");
            } else if (!there.isEmpty()) {
                words.add(family + " (" + lastWords(there) + ")");
            }
        });
        return String.join(", ", words);
    }

    private static String lastWords(List<Command> commands) {
        return commands.stream().map(command -> command.word().substring(command.family().length() + 1))
                .collect(Collectors.joining(", "));
    }

    /// The first of its words, which `snapshots list` and `snapshots at` share.
    private String family() {
        return word().split(" ", 2)[0];
    }

    private final String purpose;
    private final String more;

    Command(String purpose, String more) {
        this.purpose = purpose;
        this.more = more;
    }

    /// As typed: `trainer`, `snapshots list`.
    public String word() {
        String word = name().toLowerCase(Locale.ROOT);
        return word.startsWith("snapshots_") || word.startsWith(MODELS) ? word.replace('_', ' ')
                : word.replace('_', '-');
    }

    /// What `--help` prints: every setting of this command, from the one table of settings.
    public String help() {
        int width = Arrays.stream(Setting.values()).filter(setting -> setting.isOf(this))
                .mapToInt(setting -> setting.usage().length()).max().orElse(0);
        String settings = Arrays.stream(Setting.values()).filter(setting -> setting.isOf(this))
                .map(setting -> line(setting, width)).collect(Collectors.joining("\n"));
        return """
        Usage: tidegrad %s [--SETTING VALUE]...
        %s.

        %s

        Each may also come from the environment or from the file of --config: --http-port as TIDEGRAD_HTTP_PORT or as
        the file's line http-port=8080, --kafka.sasl.mechanism as TIDEGRAD_KAFKA_SASL_MECHANISM or as
        kafka.sasl.mechanism=PLAIN. The command line takes precedence over the environment, the environment over the
        file, the file over the default. In the environment and the file, several values are separated by commas. Put
        secrets into the file or the environment: other users of a machine can see a command line.

        %s
        """.formatted(word() + (namesModel() ? " NAME" : ""),
                Character.toUpperCase(purpose.charAt(0)) + purpose.substring(1), settings, more);
    }

    /// Whether the model that it is about may stand first, without `--model`.
    private boolean namesModel() {
        return models().contains(this) && Setting.MODEL.isRequiredBy(this);
    }

    private String line(Setting setting, int width) {
        String otherwise = setting.otherwise();
        return ("  %-" + width + "s  %s%s").formatted(setting.usage(), setting.meaning(this), setting.isRequiredBy(this)
                ? " (required)" : otherwise.isEmpty() ? "" : " (default: " + otherwise + ")");
    }
}
