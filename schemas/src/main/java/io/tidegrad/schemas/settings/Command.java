package io.tidegrad.schemas.settings;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/// A command that is told what to do by [Settings].
public enum Command {
    TRAINER(
            "learn one or more models from their topics, exactly once",
            "Give at least one --spec or --model. Exit status: docs/operations.md."),
    SCORER(
            "serve the newest weights of one or more models over HTTP",
            "Exit status: 0 stopped in order, 2 settings or credentials, 75 try again."),
    REPLAY(
            "learn a model again, from its log and its registered spec alone",
            """
            Reads the events topic from where the model began, learns as fast as it goes, and prints the hashes. The
            trainer prints the same ones for the same offset, or something is broken.
            Exit status: as the trainer's, docs/operations.md."""),
    EXPORT(
            "write a model's weights, as they are served, to an .onnx or a .safetensors file",
            """
            Reads the newest snapshot, or the one of --version, from the snapshots topic and verifies it as a scorer does.
            What the files hold: docs/exchange.md.
            Exit status: 1 the version is not there or can't be written so, else as the trainer's, docs/operations.md."""),
    LR_FIND(
            "raise the learning rate along a stream and say which one to take",
            """
            With --spec, --bootstrap-servers and --registry-url it reads the spec's topic from its beginning; nothing is
            written there. With --stream it reads one that ships with Tidegrad, by its own spec unless --spec is given.
            What it learns on the way is thrown away. docs/troubles.md tells how to read the plot.
            Exit status: as the trainer's, docs/operations.md.""");

    private final String purpose;
    private final String more;

    Command(String purpose, String more) {
        this.purpose = purpose;
        this.more = more;
    }

    /// As typed: `trainer`.
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// What `--help` prints: every setting of this command, from the one table of settings.
    public String help() {
        int width =
                Arrays.stream(Setting.values())
                        .filter(setting -> setting.isOf(this))
                        .mapToInt(setting -> setting.usage().length())
                        .max()
                        .orElse(0);
        String settings =
                Arrays.stream(Setting.values())
                        .filter(setting -> setting.isOf(this))
                        .map(setting -> line(setting, width))
                        .collect(Collectors.joining("\n"));
        return """
        Usage: tidegrad %s [--SETTING VALUE]...
        %s.

        %s

        Each may also come from the environment or from the file of --config: --http-port as TIDEGRAD_HTTP_PORT or as
        the file's line http-port=8080, --kafka.sasl.mechanism as TIDEGRAD_KAFKA_SASL_MECHANISM or as
        kafka.sasl.mechanism=PLAIN. The command line goes before the environment, that before the file, that before
        the default. What can be repeated is separated by commas there. Secrets belong into the file or the
        environment: other users of a machine can see a command line.

        %s
        """
                .formatted(
                        word(),
                        Character.toUpperCase(purpose.charAt(0)) + purpose.substring(1),
                        settings,
                        more);
    }

    private String line(Setting setting, int width) {
        String otherwise = setting.otherwise();
        return ("  %-" + width + "s  %s%s")
                .formatted(
                        setting.usage(),
                        setting.meaning(),
                        setting.isRequiredBy(this)
                                ? " (required)"
                                : otherwise.isEmpty() ? "" : " (default: " + otherwise + ")");
    }
}
