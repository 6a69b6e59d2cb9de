package io.tidegrad.cli;

import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Form;
import io.tidegrad.ops.settings.KafkaRules;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.scorerapp.ScorerSettings;
import io.tidegrad.trainer.TrainerSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// The text of `docs/settings.md`, written from the settings themselves.
final class SettingsPage {
    private static final String TOP = """
            # Settings

            <!-- Generated from the declarations of settings and KafkaRules.java; SettingsDocumentTest compares it, and says how to write it anew. -->

            All commands that read or write Kafka take their settings in the same way and under the same names. A setting may come
            from four places; the first that has it counts:

            | place | example |
            |---|---|
            | command line | `--http-port 8080` or `--http-port=8080`, `--kafka.sasl.mechanism PLAIN` |
            | environment | `TIDEGRAD_HTTP_PORT=8080`, `TIDEGRAD_KAFKA_SASL_MECHANISM=PLAIN`; an empty variable counts as none |
            | file of `--config` (`TIDEGRAD_CONFIG`) | `http-port=8080`, `kafka.sasl.mechanism=PLAIN`; Java properties in UTF-8 |
            | default | |

            A setting that takes several values is repeated on the command line; in any place it also takes one list, separated by
            commas. A place's list replaces the list of a later place. One file or environment may serve several commands: a command
            ignores settings that only other commands have. A name that no command knows is a mistake, whatever place it stands in.
            All mistakes are reported at once, each with its place, what was expected and what was found, and the exit status is 2.
            A trainer and a scorer log the settings in effect when they start, with their places; passwords and other secrets are
            never shown. Secrets belong in the file, readable by the service's account only, or in the environment: other users of
            a machine can see a command line.

            A time is ISO-8601 (`2026-01-31T12:00:00Z`) and means the first record that is not older. `--name NAME` takes a value,
            `--name` alone is true. A replay takes the settings of a trainer for the case that it goes live.
            """;

    private static final String KAFKA = """

            ## `kafka.KEY`

            These settings of Kafka's clients can be set: all of connection and security that the clients share
            (`security.protocol`, `sasl.*`, `ssl.*`, `request.timeout.ms`, `client.dns.lookup`, …), and, for commands that have a
            client for them, %s.
            `transaction.timeout.ms` must be at least `commit.interval.ms` if that is given.

            Other settings can't be set, because they decide whether weights survive. Where Tidegrad needs a certain value, another
            one is refused:

            | key | must be | because otherwise |
            |---|---|---|
            """;

    private static final String REGISTRY = """

            ## `registry.KEY`

            | key | default | |
            |---|---|---|
            | `basic.auth.credentials.source` | | `USER_INFO`, or `URL` when `--registry-url` contains user and password |
            | `basic.auth.user.info` | | `user:password` |
            | `http.connect.timeout.ms` | 2000 | |
            | `http.read.timeout.ms` | 5000 | |
            | `tidegrad.value.deserializer` | Tidegrad's | class name of another Avro deserializer; all settings of that class are then taken too |

            Another deserializer is trusted: nothing bounds what it allocates for an event, so that a hostile schema can exhaust the
            memory where Tidegrad's own one makes the event a dead letter. The registry's TLS trust is that of the JVM
            (`-Djavax.net.ssl.trustStore` in `TIDEGRAD_JVM_OPTIONS`).
            """;

    private SettingsPage() {}

    static String text() {
        StringBuilder page = new StringBuilder(TOP);
        sections().forEach((title, settings) -> {
            page.append("\n## ").append(title)
                    .append("\n\n| setting | of | takes | default | |\n|---|---|---|---|---|\n");
            settings.forEach(setting -> page.append(row(setting)));
        });
        page.append(KAFKA.formatted(
                KafkaRules.TUNABLE.stream().sorted().map(name -> "`" + name + "`").collect(Collectors.joining(", "))));
        new TreeMap<>(KafkaRules.FIXED).forEach(
                (name, fixed) -> page.append("| `%s` | `%s` | %s |\n".formatted(name, fixed.value(), fixed.reason())));
        return page.append(REGISTRY).toString();
    }

    /// Each setting is in one section: that of the command that it is made for, or the first, for several commands.
    private static Map<String, List<Setting>> sections() {
        Predicate<Command> models = command -> command.family().equals("models");
        Predicate<Command> app = Set.of(TrainerSettings.TRAINER, ScorerSettings.SCORER)::contains;
        Map<String, List<Setting>> sections = new LinkedHashMap<>();
        sections.put("Of several commands", List.of());
        sections.put("Trainer", all(isOnlyOf(Set.of(TrainerSettings.TRAINER, CliCommands.REPLAY)::contains)
                .and(TrainerSettings.TRAINER::has)));
        sections.put("Scorer", all(isOnlyOf(ScorerSettings.SCORER::equals)));
        sections.put("Models", all(isOnlyOf(models)));
        sections.put("Replay, verify, snapshots, export, lr-find",
                all(isOnlyOf(app.negate()).and(isOnlyOf(models).negate())));
        Set<Setting> placed = sections.values().stream().flatMap(List::stream).collect(Collectors.toSet());
        sections.put("Of several commands", all(setting -> !placed.contains(setting)));
        return sections;
    }

    private static List<Setting> all(Predicate<Setting> chosen) {
        return CliCommands.ALL.settings().stream().filter(chosen).toList();
    }

    private static Predicate<Setting> isOnlyOf(Predicate<Command> commands) {
        return setting -> CliCommands.ALL.all().stream().filter(command -> command.has(setting)).allMatch(commands);
    }

    private static String row(Setting setting) {
        return "| `%s` | %s | %s | %s | %s |\n".formatted(setting.usage(), CliCommands.ALL.having(setting),
                takes(setting.form()), byDefault(setting), setting.meaning());
    }

    private static String takes(Form form) {
        return switch (form) {
            case Form.Many many -> takes(many.of());
            case Form.Number(long min, long max) -> max < Integer.MAX_VALUE ? min + " to " + max : min + " or more";
            case Form.Decimal _,Form.Pin _,Form.Percent _,Form.Choice _ -> form.expected();
            // The placeholder or the meaning says it.
            case Form.Text _,Form.Name _,Form.Flag _,Form.Addresses _,Form.Place _,Form.Retention _ -> "";
        };
    }

    private static String byDefault(Setting setting) {
        List<Command> needing = commands(command -> command.requires(setting));
        if (needing.isEmpty()) {
            return setting.otherwise();
        }
        List<Command> others = commands(command -> command.has(setting) && !command.requires(setting));
        String required = others.isEmpty() ? "required"
                : others.size() < needing.size() ? "required, but not by " + CliCommands.ALL.words(others::contains)
                        : "required by " + CliCommands.ALL.words(needing::contains);
        return setting.otherwise().isEmpty() ? required : required + "; else " + setting.otherwise();
    }

    private static List<Command> commands(Predicate<Command> chosen) {
        return CliCommands.ALL.all().stream().filter(chosen).toList();
    }
}
