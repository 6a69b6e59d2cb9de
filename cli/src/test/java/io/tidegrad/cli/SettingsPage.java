package io.tidegrad.cli;

import io.tidegrad.console.ConsoleSettings;
import io.tidegrad.joiner.app.JoinerSettings;
import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.KafkaRules;
import io.tidegrad.ops.settings.Setting;
import io.tidegrad.scorerapp.ScorerSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The text of `docs/settings.md`, written from the settings themselves.
final class SettingsPage {
    private static final String TRAINER = "Trainer";
    private static final String JOINER = "Joiner";
    private static final String SCORER = "Scorer";
    private static final String CONSOLE = "Console";
    private static final Pattern UNBROKEN = Pattern.compile("(?:`[^`]*`|\\S)+");

    private static final String TOP = """
            # Settings

            <!-- Generated from the declarations of settings and KafkaRules.java; SettingsDocumentTest compares it, and says how
            to write it anew. -->

            All commands take the same settings, from four places, of which the first that has a setting counts:

            1. the command line: `--http-port 8080` or `--http-port=8080`, `--kafka.sasl.mechanism PLAIN`;
            2. the environment: `TIDEGRAD_HTTP_PORT=8080`, `TIDEGRAD_KAFKA_SASL_MECHANISM=PLAIN`; an empty variable counts as
               none;
            3. the file of `--config` (`TIDEGRAD_CONFIG`), Java properties in UTF-8: `http-port=8080`,
               `kafka.sasl.mechanism=PLAIN`;
            4. the default.

            A setting that takes several values is repeated on the command line; every place also takes a list separated by
            commas, which replaces the list of a later place. Commands may share a file or an environment: each ignores the
            settings of the others, but a name that no command knows is a mistake. All mistakes are reported at once, with
            status 2. Trainer, joiner, scorer and console log their settings and where each came from, without secrets. Other users
            see a command line: keep secrets in the environment, or in a file that only the service's account can read.

            A time is ISO-8601 (`2026-01-31T12:00:00Z`) and means the first record that is not older. A flag may stand alone or
            take `true` or `false`.
            """;

    private static final String KAFKA = """

            ## `kafka.KEY`

            All settings of connection and security that Kafka's clients share can be given (`security.protocol`, `sasl.*`,
            `ssl.*`, `request.timeout.ms`, `client.dns.lookup`, …), and
            %s.
            `transaction.timeout.ms` must be at least `commit.interval.ms` where both are given. No other setting can be given,
            because it would decide whether weights survive. These have one value, because of what another one would do:

            """;

    private static final String REGISTRY = """

            ## `registry.KEY`

            - `basic.auth.credentials.source`: `USER_INFO`, or `URL` if `--registry-url` contains user and password
            - `basic.auth.user.info`: `user:password`
            - `http.connect.timeout.ms` (default `2000`), `http.read.timeout.ms` (default `60000`)
            - `tidegrad.value.deserializer`: class name of another Avro deserializer, all settings of which are then taken too.
              It is trusted: Tidegrad's own one makes an event with a hostile schema a dead letter, but nothing bounds what
              another one allocates.

            The registry's TLS trust is that of the JVM (`-Djavax.net.ssl.trustStore` in `TIDEGRAD_JVM_OPTIONS`).
            """;

    private SettingsPage() {}

    static String text() {
        StringBuilder page = new StringBuilder(TOP);
        sections().forEach((title, settings) -> {
            page.append("\n## ").append(title).append("\n\n");
            if (title.equals(TRAINER)) {
                page.append("A replay takes them too, unless they are of the trainer only.\n\n");
            }
            settings.forEach(setting -> page.append(wrapped(item(title, setting))));
        });
        page.append(KAFKA.formatted(wrapped(
                KafkaRules.TUNABLE.stream().sorted().map(name -> "`" + name + "`").collect(Collectors.joining(", ")))
                .strip()));
        new TreeMap<>(KafkaRules.FIXED).forEach(
                (name, fixed) -> page.append(wrapped("- `%s=%s`: %s".formatted(name, fixed.value(), fixed.reason()))));
        return page.append(REGISTRY).toString();
    }

    /// Each setting is in one section: that of the command that it is made for, or the first, for several commands.
    private static Map<String, List<Setting>> sections() {
        Predicate<Command> models = command -> Set.of("models", "streams").contains(command.family());
        Predicate<Command> app = Set.of(CliSettings.TRAINER, JoinerSettings.JOINER, ScorerSettings.SCORER,
                ConsoleSettings.CONSOLE)::contains;
        Map<String, List<Setting>> sections = new LinkedHashMap<>();
        sections.put("Of several commands", List.of());
        sections.put(TRAINER,
                all(isOnlyOf(Set.of(CliSettings.TRAINER, CliSettings.REPLAY)::contains).and(CliSettings.TRAINER::has)));
        sections.put(JOINER, all(isOnlyOf(JoinerSettings.JOINER::equals)));
        sections.put(SCORER, all(isOnlyOf(ScorerSettings.SCORER::equals)));
        sections.put(CONSOLE, all(isOnlyOf(ConsoleSettings.CONSOLE::equals)));
        sections.put("Models and streams", all(isOnlyOf(models)));
        sections.put("Replay, verify, snapshots, export, lr-find, backtest, spec",
                all(isOnlyOf(app.negate()).and(isOnlyOf(models).negate())));
        Set<Setting> placed = sections.values().stream().flatMap(List::stream).collect(Collectors.toSet());
        sections.put("Of several commands", all(setting -> !placed.contains(setting)));
        return sections;
    }

    private static List<Setting> all(Predicate<Setting> chosen) {
        return CliSettings.ALL.settings().stream().filter(chosen).toList();
    }

    private static Predicate<Setting> isOnlyOf(Predicate<Command> commands) {
        return setting -> CliSettings.ALL.all().stream().filter(command -> command.has(setting)).allMatch(commands);
    }

    /// `--http-port PORT` (trainer, scorer, replay; 0 to 65535; default `8080`): meaning
    private static String item(String section, Setting setting) {
        String facts = Stream.of(of(section, setting), setting.form().values(), required(setting), byDefault(setting))
                .filter(fact -> !fact.isEmpty()).collect(Collectors.joining("; "));
        return "- `%s`%s: %s".formatted(setting.usage(), facts.isEmpty() ? "" : " (" + facts + ")", setting.meaning());
    }

    /// Which commands have it, or in fewer words which have not; empty where the section says so.
    private static String of(String section, Setting setting) {
        List<Command> having = commands(command -> command.has(setting));
        if (Set.of(SCORER, JOINER, CONSOLE).contains(section) || section.equals(TRAINER) && having.size() > 1) {
            return "";
        }
        String others = CliSettings.ALL.words(command -> !command.has(setting));
        String all = others.isEmpty() ? "all commands" : "all but " + others;
        String words = CliSettings.ALL.having(setting);
        return all.length() < words.length() ? all : words;
    }

    private static String required(Setting setting) {
        List<Command> needing = commands(command -> command.requires(setting));
        List<Command> others = commands(command -> command.has(setting) && !command.requires(setting));
        return needing.isEmpty() ? ""
                : others.isEmpty() ? "required"
                        : others.size() < needing.size()
                                ? "required, but not by " + CliSettings.ALL.words(others::contains)
                                : "required by " + CliSettings.ALL.words(needing::contains);
    }

    private static String byDefault(Setting setting) {
        return setting.defaultValue() != null ? "default `" + setting.defaultValue() + "`"
                : setting.otherwise().isEmpty() ? "" : "default: " + setting.otherwise();
    }

    /// In lines of 120 columns at most, those after the first below the text of a list's item. What is between backticks
    /// stays in one line.
    private static String wrapped(String text) {
        StringBuilder page = new StringBuilder();
        StringBuilder line = new StringBuilder();
        for (String word : UNBROKEN.matcher(text).results().map(MatchResult::group).toList()) {
            if (line.length() + 1 + word.length() > 120) {
                page.append(line).append('\n');
                line.setLength(0);
                line.append(text.startsWith("- ") ? " " : "");
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        return page.append(line).append('\n').toString();
    }

    private static List<Command> commands(Predicate<Command> chosen) {
        return CliSettings.ALL.all().stream().filter(chosen).toList();
    }
}
