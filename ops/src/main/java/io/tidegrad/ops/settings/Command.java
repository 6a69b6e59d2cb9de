package io.tidegrad.ops.settings;

import java.util.List;
import java.util.stream.Collectors;

/// A command that is told what to do by [Settings]. The program that runs it declares it.
///
/// @param word as typed: `trainer`, `snapshots list`
/// @param purpose for people, one sentence without its end
/// @param more for people, at the end of the help
/// @param uses its settings, in the order of the help
public record Command(String word, String purpose, String more, List<Setting.Use> uses) {
    public Command {
        uses = List.copyOf(uses);
    }

    @SafeVarargs
    public Command(String word, String purpose, String more, List<Setting.Use>... uses) {
        this(word, purpose, more, Setting.Use.all(uses));
    }

    public boolean has(Setting setting) {
        return uses.stream().anyMatch(use -> use.setting().equals(setting));
    }

    public boolean requires(Setting setting) {
        return uses.stream().anyMatch(use -> use.required() && use.setting().equals(setting));
    }

    /// Whether the value of a setting may be the first argument, without the setting's name.
    public boolean takesFirst(Setting setting) {
        return uses.stream().anyMatch(use -> use.standsFirst() && use.setting().equals(setting));
    }

    /// The first of its words, which `snapshots list` and `snapshots at` share.
    public String family() {
        return word.split(" ", 2)[0];
    }

    /// What `--help` prints: every setting of this command.
    public String help() {
        int width = uses.stream().mapToInt(use -> use.setting().usage().length()).max().orElse(0);
        String settings = uses.stream().map(use -> line(use, width)).collect(Collectors.joining("\n"));
        String first = uses.stream().filter(use -> use.standsFirst() && use.required())
                .map(use -> " " + use.setting().placeholder()).collect(Collectors.joining());
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
        """.formatted(word + first, Character.toUpperCase(purpose.charAt(0)) + purpose.substring(1), settings, more);
    }

    private static String line(Setting.Use use, int width) {
        String otherwise = use.setting().otherwise();
        return ("  %-" + width + "s  %s%s").formatted(use.setting().usage(), use.meaning(),
                use.required() ? " (required)" : otherwise.isEmpty() ? "" : " (default: " + otherwise + ")");
    }
}
