package io.tidegrad.ops.settings;

import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.NearestName;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The settings of one command. The command line takes precedence over the environment (`TIDEGRAD_HTTP_PORT`), the environment
/// over the file of `--config`, the file over the default. Reading collects every mistake together with its place; a command
/// adds those that only it can know, and then calls [#refuseMistakes] once.
public final class Settings {
    private static final Logger LOG = LoggerFactory.getLogger(Settings.class);

    static final String KAFKA = "kafka.";
    static final String REGISTRY = "registry.";
    private static final String ENVIRONMENT = "TIDEGRAD_";

    /// Variables of the launcher.
    private static final Set<String> LAUNCHER = Set.of("TIDEGRAD_JVM_OPTIONS");

    /// Kubernetes writes such variables for every service whose name begins with tidegrad.
    private static final Pattern SERVICE_LINK =
            Pattern.compile("TIDEGRAD_(\\w+_)?(SERVICE_HOST|SERVICE_PORT(_\\w+)?|PORT_\\d+_(TCP|UDP|SCTP)(_\\w+)?)=.*"
                    + "|TIDEGRAD_(\\w+_)?PORT=(tcp|udp|sctp)://.*");

    private static final Form MILLIS = Form.number(1, Integer.MAX_VALUE);

    /// What our own registry client knows; another deserializer, given by class name, has settings of its own.
    private static final Map<String, Form> REGISTRY_KEYS =
            Map.of("basic.auth.credentials.source", Form.choice(List.of("USER_INFO", "URL")), "basic.auth.user.info",
                    Form.text("user:password"), "http.connect.timeout.ms", MILLIS, "http.read.timeout.ms", MILLIS,
                    RecordDecoder.DESERIALIZER, Form.text("a class name"));

    private final Command command;
    private final Commands known;
    private final Map<String, Given> given = new TreeMap<>();
    private final List<String> problems = new ArrayList<>();

    private Settings(Command command, Commands known) {
        this.command = command;
        this.known = known;
    }

    /// @param values one, unless the setting can be repeated
    private record Given(List<String> values, Source source) {
        String value() {
            return values.getLast();
        }
    }

    /// @param known the command and all others that the environment or the file may serve
    public static Settings read(Command command, Commands known, List<String> arguments,
            Map<String, String> environment) {
        Settings settings = new Settings(command, known);
        Map<String, Given> commandLine = settings.commandLine(arguments);
        Map<String, Given> variables = settings.variables(environment);
        String config = CommonSettings.CONFIG.key();
        Given file = commandLine.getOrDefault(config, variables.get(config));
        if (file != null) {
            settings.given.putAll(settings.file(Path.of(file.value())));
        }
        settings.given.putAll(variables);
        settings.given.putAll(commandLine);
        commandLine.forEach(Settings::warnOfWhatIsListed);
        settings.checkOwn();
        settings.checkKafka();
        settings.checkRegistry();
        return settings;
    }

    /// Who lists the processes of a machine sees their command lines.
    private static void warnOfWhatIsListed(String key, Given given) {
        boolean ofAClient = key.startsWith(KAFKA) || key.startsWith(REGISTRY);
        if (ofAClient && Secrets.isSecret(key) || !RegistrySettings.masked(given.value()).equals(given.value())) {
            LOG.warn(
                    "--{} holds a secret, and other users of this machine can read a command line: put it into the file of"
                            + " --config, or into {} in the environment",
                    key, variable(key));
        }
    }

    private Map<String, Given> commandLine(List<String> arguments) {
        Map<String, Given> read = new TreeMap<>();
        String before = "";
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            if (!argument.startsWith("--")) {
                // What follows a secret with spaces in it, not quoted, is part of the secret.
                problems.add("expected --SETTING VALUE, found "
                        + (Secrets.isSecret(before) ? "another word after --" + before : "'" + argument + "'")
                        + (before.isEmpty() ? "" : "; put quotes around a value with spaces"));
                continue;
            }
            int equals = argument.indexOf('=');
            String key = argument.substring(2, equals < 0 ? argument.length() : equals);
            before = key;
            if (equals >= 0) {
                put(read, key, argument.substring(equals + 1), Source.COMMAND_LINE);
            } else if (isFlag(key)) {
                put(read, key, "true", Source.COMMAND_LINE);
            } else if (i + 1 < arguments.size() && !arguments.get(i + 1).startsWith("--")) {
                put(read, key, arguments.get(++i), Source.COMMAND_LINE);
            } else if (isKnown(key, Source.COMMAND_LINE)) {
                problems.add("--" + key + ": expected a value after it, found none");
            }
        }
        return read;
    }

    private boolean isFlag(String key) {
        Setting setting = known.named(key);
        return setting != null && setting.form() == Form.FLAG;
    }

    private Map<String, Given> variables(Map<String, String> environment) {
        Map<String, String> keys = new TreeMap<>();
        allKeys().forEach(key -> keys.put(variable(key), key));
        KafkaRules.names().forEach(name -> keys.put(variable(KAFKA + name), KAFKA + name));
        Map<String, Given> read = new TreeMap<>();
        new TreeMap<>(environment).forEach((name, value) -> {
            if (!name.startsWith(ENVIRONMENT) || LAUNCHER.contains(name) || value.isBlank() // how compose files leave one out
                    || !keys.containsKey(name) && SERVICE_LINK.matcher(name + "=" + value).matches()) {
                return;
            }
            String key = keys.get(name);
            if (key != null) {
                put(read, key, value, Source.ENVIRONMENT);
            } else if (name.startsWith(variable(REGISTRY))) {
                // Of a deserializer that is not ours; its keys are written with
                // dots.
                put(read, name.substring(ENVIRONMENT.length()).toLowerCase(Locale.ROOT).replace('_', '.'), value,
                        Source.ENVIRONMENT);
            } else {
                String nearest = NearestName.nearest(name.substring(ENVIRONMENT.length()),
                        allKeys().stream().map(k -> variable(k).substring(ENVIRONMENT.length())).toList());
                problems.add(
                        name + ": unknown" + (nearest == null ? "" : "; did you mean " + ENVIRONMENT + nearest + "?"));
            }
        });
        return read;
    }

    private Map<String, Given> file(Path path) {
        Map<String, Given> read = new TreeMap<>();
        Map<String, Integer> lines = new TreeMap<>();
        for (SettingsFile.Line line : SettingsFile.read(path, problems)) {
            Integer earlier = lines.putIfAbsent(line.key(), line.number());
            Source source = Source.line(path, line.number());
            if (earlier != null) {
                problems.add(source.naming(line.key()) + ": expected once, found on line " + earlier);
            } else if (line.key().equals(CommonSettings.CONFIG.key())) {
                problems.add(source.naming(line.key()) + ": a file can't name another one");
            } else {
                put(read, line.key(), line.value(), source);
            }
        }
        return read;
    }

    private void put(Map<String, Given> read, String key, String value, Source source) {
        if (!isKnown(key, source)) {
            return;
        }
        Setting setting = known.named(key);
        List<String> values = new ArrayList<>();
        Given earlier = read.get(key);
        if (setting != null && setting.form().repeated()) {
            if (earlier != null) {
                values.addAll(earlier.values());
            }
            values.addAll(Arrays.stream(value.split(",")).map(String::strip).toList());
        } else {
            if (earlier != null) {
                problems.add(source.naming(key) + ": expected once, found twice");
            }
            // A password may begin or end with a space.
            values.add(setting == null ? value : value.strip());
        }
        read.put(key, new Given(values, source));
    }

    /// Whether the command takes it. What belongs to another command is passed over where several share a source; on
    /// the command line, and when nobody knows it, it is a mistake.
    private boolean isKnown(String key, Source source) {
        Setting setting = key.startsWith(KAFKA) ? CommonSettings.KAFKA
                : key.startsWith(REGISTRY) ? CommonSettings.REGISTRY : known.named(key);
        if (setting == null) {
            problems.add(unknown(key, "", allKeys(), source));
            return false;
        }
        if (setting == CommonSettings.KAFKA && !KafkaRules.names().contains(key.substring(KAFKA.length()))) {
            problems.add(unknown(key, KAFKA, KafkaRules.suggestions(), source));
            return false;
        }
        if (!command.has(setting)) {
            if (source == Source.COMMAND_LINE) {
                problems.add("--%s: a setting of %s, which %s does not have".formatted(key, known.having(setting),
                        command.word()));
            }
            return false;
        }
        return true;
    }

    /// All that may be given, in order.
    private List<String> allKeys() {
        return Stream.of(
                known.settings().stream().filter(s -> s != CommonSettings.KAFKA && s != CommonSettings.REGISTRY)
                        .map(Setting::key),
                KafkaRules.suggestions().stream().map(name -> KAFKA + name),
                REGISTRY_KEYS.keySet().stream().map(name -> REGISTRY + name)).flatMap(keys -> keys).sorted().toList();
    }

    /// @param prefix that the name and the known ones share, and that the known ones are given without
    private static String unknown(String key, String prefix, Collection<String> known, Source source) {
        String nearest = NearestName.nearest(key.substring(prefix.length()), new TreeSet<>(known));
        return source.naming(key) + ": unknown"
                + (nearest == null ? "" : "; did you mean " + source.name(prefix + nearest) + "?");
    }

    /// `http-port` → `TIDEGRAD_HTTP_PORT`.
    static String variable(String key) {
        return ENVIRONMENT + key.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9]", "_");
    }

    private void checkOwn() {
        for (Setting.Use use : command.uses()) {
            Setting setting = use.setting();
            Given value = given.get(setting.key());
            if (value != null) {
                value.values().forEach(one -> check(setting.key(), one, value.source(), setting.form()));
            } else if (use.required()) {
                problems.add("--%s: expected %s, found none; give it as %s, as %s, or as %s= in the file of --config"
                        .formatted(setting.key(), setting.form().expected(), setting.usage(), variable(setting.key()),
                                setting.key()));
            }
        }
    }

    private void check(String key, String value, Source source, Form form) {
        if (!form.accepts(value)) {
            problems.add("%s: expected %s, found '%s'".formatted(source.naming(key), form.expected(),
                    Secrets.shown(key, value)));
        }
    }

    private void checkKafka() {
        given.forEach((key, value) -> {
            if (key.startsWith(KAFKA)) {
                String problem = KafkaRules.problem(key.substring(KAFKA.length()), value.value(),
                        Secrets.shown(key, value.value()));
                if (problem != null) {
                    problems.add(value.source().naming(key) + ": " + problem);
                }
            }
        });
        Given timeout = given.get(KAFKA + ProducerConfig.TRANSACTION_TIMEOUT_CONFIG);
        Given interval = given.get(KAFKA + KafkaRules.COMMIT_INTERVAL);
        if (timeout != null && interval != null && MILLIS.accepts(timeout.value()) && MILLIS.accepts(interval.value())
                && Long.parseLong(timeout.value()) < Long.parseLong(interval.value())) {
            problems.add(
                    "%s: expected at least commit.interval.ms, which is %s, found %s: every transaction would be aborted"
                            .formatted(timeout.source().naming(KAFKA + ProducerConfig.TRANSACTION_TIMEOUT_CONFIG),
                                    interval.value(), timeout.value())
                            + " before it could commit; raise it, or leave it out");
        }
    }

    private void checkRegistry() {
        if (!command.has(CommonSettings.REGISTRY)) {
            return;
        }
        boolean foreign = given.containsKey(REGISTRY + RecordDecoder.DESERIALIZER);
        int before = problems.size();
        given.forEach((key, value) -> {
            if (key.startsWith(REGISTRY)) {
                Form form = REGISTRY_KEYS.get(key.substring(REGISTRY.length()));
                if (form != null) {
                    check(key, value.value(), value.source(), form);
                } else if (!foreign) {
                    problems.add(unknown(key, REGISTRY, REGISTRY_KEYS.keySet(), value.source()));
                }
            }
        });
        if (!foreign && before == problems.size() && given.containsKey(CommonSettings.REGISTRY_URL.key())) {
            try {
                SchemaRegistry.check(registry().client());
            } catch (IllegalArgumentException e) {
                problems.add("registry: " + e.getMessage());
            }
        }
    }

    /// For what only the command can know.
    public void problem(String message) {
        problems.add(message);
    }

    /// @throws SettingsException with every mistake
    public void refuseMistakes() {
        if (!problems.isEmpty()) {
            throw new SettingsException(command, problems);
        }
    }

    /// Passes over settings whose alternative is given in a higher place: whoever types `--model` means it, although the
    /// environment names a stream.
    public void highestOf(Setting... alternatives) {
        int highest = 0;
        for (Setting each : alternatives) {
            Given value = given.get(each.key());
            highest = value == null ? highest : Math.max(highest, value.source().rank());
        }
        for (Setting each : alternatives) {
            Given value = given.get(each.key());
            if (value != null && value.source().rank() < highest) {
                given.remove(each.key());
            }
        }
    }

    /// The value or its default; empty when there is neither.
    public String text(Setting setting) {
        Given value = given.get(setting.key());
        String otherwise = setting.defaultValue();
        return value != null ? value.value() : otherwise == null ? "" : otherwise;
    }

    /// Of a setting that can be repeated, each once.
    public List<String> list(Setting setting) {
        Given values = given.get(setting.key());
        return values == null ? List.of() : values.values().stream().filter(v -> !v.isEmpty()).distinct().toList();
    }

    /// Of a setting whose default is a number.
    public int number(Setting setting) {
        return Math.toIntExact(numberIfGiven(setting).orElse(0));
    }

    /// Empty when nothing is given and the default is no number.
    public OptionalLong numberIfGiven(Setting setting) {
        String text = text(setting);
        return setting.form().accepts(text) ? OptionalLong.of(Long.parseLong(text)) : OptionalLong.empty();
    }

    /// Of a setting that says how long records are kept, as Kafka's `retention.ms` does: −1 for ever.
    public long retentionMillis(Setting setting) {
        String text = text(setting);
        return text.equals(Form.FOREVER) ? -1 : Duration.parse(text).toMillis();
    }

    /// Of a setting whose form is a duration and that has a default.
    public Duration duration(Setting setting) {
        return Duration.parse(text(setting));
    }

    /// Of a setting whose form is a decimal number and that has a default.
    public double decimal(Setting setting) {
        return Double.parseDouble(text(setting));
    }

    /// What the file that a setting names holds; null when none is named, and when the reader refuses it, which is a
    /// mistake then.
    ///
    /// @param reader throws an `IllegalArgumentException` that says what was expected and found
    public <T> @Nullable T file(Setting setting, Function<Path, T> reader) {
        String file = text(setting);
        if (file.isEmpty()) {
            return null;
        }
        try {
            return reader.apply(Path.of(file));
        } catch (IllegalArgumentException e) {
            problem(setting.key() + ": " + e.getMessage());
            return null;
        }
    }

    public boolean flag(Setting setting) {
        return text(setting).equals("true");
    }

    public KafkaSettings kafka() {
        return new KafkaSettings(text(CommonSettings.BOOTSTRAP_SERVERS), withPrefix(KAFKA));
    }

    public RegistrySettings registry() {
        return new RegistrySettings(text(CommonSettings.REGISTRY_URL), withPrefix(REGISTRY));
    }

    private Map<String, String> withPrefix(String prefix) {
        Map<String, String> values = new LinkedHashMap<>();
        given.forEach((key, value) -> {
            if (key.startsWith(prefix)) {
                values.put(key.substring(prefix.length()), value.value());
            }
        });
        return values;
    }

    /// Every setting in effect with where it comes from, on one line, secrets masked.
    @Override
    public String toString() {
        Set<String> shown = new TreeSet<>();
        for (Setting.Use use : command.uses()) {
            Setting setting = use.setting();
            String otherwise = setting.defaultValue();
            if (otherwise != null && !given.containsKey(setting.key())) {
                shown.add(setting.key() + "=" + otherwise + " (default)");
            }
        }
        given.forEach((key, value) -> shown
                .add(key + "=" + Secrets.shown(key, String.join(",", value.values())) + " (" + value.source() + ")"));
        return String.join(", ", shown);
    }

    /// Where a setting was given.
    ///
    /// @param place for people: `environment`, `FILE:LINE`
    /// @param written how a setting is written there
    /// @param isNamed whether a message says the place too
    private record Source(String place, UnaryOperator<String> written, boolean isNamed) {
        static final Source COMMAND_LINE = new Source("command line", key -> "--" + key, false);
        static final Source ENVIRONMENT = new Source("environment", Settings::variable, false);

        static Source line(Path file, int number) {
            return new Source(file + ":" + number, key -> key, true);
        }

        /// Of a place whose values take precedence, the rank is higher.
        int rank() {
            return equals(COMMAND_LINE) ? 2 : equals(ENVIRONMENT) ? 1 : 0;
        }

        String name(String key) {
            return written.apply(key);
        }

        /// As `name`, with the place before it where that says more.
        String naming(String key) {
            return isNamed ? place + ": " + key : name(key);
        }

        @Override
        public String toString() {
            return place;
        }
    }
}
