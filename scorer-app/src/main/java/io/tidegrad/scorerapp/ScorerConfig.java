package io.tidegrad.scorerapp;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.jspecify.annotations.Nullable;

/// All of the scorer's settings, parsed once. An option (`--http-port 8080`) goes before the environment
/// (`TIDEGRAD_HTTP_PORT=8080`), that before the file of `--config`, that before the default.
///
/// @param models to serve, at least one
/// @param topicPrefix of our topics
/// @param host to bind; the loopback address unless said otherwise
/// @param port 0 for any free one
/// @param maxBodyBytes larger requests are answered 413
/// @param maxConnections open at once; further ones wait to be accepted
/// @param maxSnapshotBytes largest model taken; 0 for a quarter of the heap
/// @param ignoreUnknownFields whether fields that no feature reads are passed over instead of refused
/// @param kafka settings of `kafka.*`, without that prefix
public record ScorerConfig(
        List<String> models,
        String topicPrefix,
        String host,
        int port,
        int maxBodyBytes,
        int maxConnections,
        long maxSnapshotBytes,
        boolean ignoreUnknownFields,
        Map<String, String> kafka) {

    private static final String KAFKA = "kafka.";
    private static final String ENVIRONMENT = "TIDEGRAD_";

    static final String BOOTSTRAP = "bootstrap-servers";
    static final String MODELS = "model";
    static final String PREFIX = "prefix";
    static final String HOST = "http-host";
    static final String PORT = "http-port";
    static final String MAX_BODY = "max-body-bytes";
    static final String MAX_CONNECTIONS = "max-connections";
    static final String MAX_SNAPSHOT = "max-snapshot-bytes";
    static final String UNKNOWN_FIELDS = "unknown-fields";

    private static final List<String> KEYS =
            List.of(
                    BOOTSTRAP,
                    MODELS,
                    PREFIX,
                    HOST,
                    PORT,
                    MAX_BODY,
                    MAX_CONNECTIONS,
                    MAX_SNAPSHOT,
                    UNKNOWN_FIELDS);

    /// Client settings that may stand in one file for all of a user's applications; what a consumer doesn't know is
    /// left out for it.
    private static final Set<String> KAFKA_KEYS = kafkaKeys();

    static final String USAGE =
            """
            tidegrad scorer: serves the newest weights of one or more models over HTTP

              --bootstrap-servers S     where Kafka is, for instance 127.0.0.1:9092 (required)
              --model NAME              a model to serve; repeat for more, or separate by commas (required)
              --prefix P                of Tidegrad's topics (tidegrad)
              --http-host H             address to bind (127.0.0.1)
              --http-port P             port, 0 for any free one (8080)
              --max-body-bytes N        larger requests are answered 413 (1048576)
              --max-connections N       connections open at once (1024)
              --max-snapshot-bytes N    largest model taken (a quarter of the heap)
              --unknown-fields M        refuse or ignore fields that no feature reads (refuse)
              --kafka.KEY VALUE         any other setting of Kafka's consumer (TLS, SASL, ...)
              --config FILE             properties with these names

            An option goes before the environment (TIDEGRAD_HTTP_PORT), that before the file.
            Exit status: 0 stopped in order, 2 configuration, 75 try again.
            """;

    /// @throws ConfigException with every mistake found
    static ScorerConfig parse(List<String> arguments, Map<String, String> environment) {
        List<String> problems = new ArrayList<>();
        Map<String, Setting> settings = new TreeMap<>();
        Map<String, String> flags = flags(arguments, problems);
        String file = flags.remove("config");
        if (file == null) {
            file = environment.get(ENVIRONMENT + "CONFIG");
        }
        if (file != null) {
            Path path = Path.of(file);
            read(path, problems)
                    .forEach((key, value) -> settings.put(key, new Setting(value, "in " + path)));
        }
        environment.forEach(
                (name, value) -> {
                    String key = keyOf(name);
                    if (key != null) {
                        settings.put(key, new Setting(value, "in the environment, as " + name));
                    }
                });
        flags.forEach((key, value) -> settings.put(key, new Setting(value, "as --" + key)));
        return build(settings, problems);
    }

    private record Setting(String value, String where) {}

    private static Map<String, String> flags(List<String> arguments, List<String> problems) {
        Map<String, String> flags = new LinkedHashMap<>();
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            if (!argument.startsWith("--")) {
                problems.add("expected --KEY VALUE, found '" + argument + "'");
                continue;
            }
            int equals = argument.indexOf('=');
            if (equals > 0) {
                put(flags, argument.substring(2, equals), argument.substring(equals + 1), problems);
            } else if (i + 1 < arguments.size()) {
                put(flags, argument.substring(2), arguments.get(++i), problems);
            } else {
                problems.add(argument + ": expected a value after it, found the end of the line");
            }
        }
        return flags;
    }

    private static void put(
            Map<String, String> flags, String key, String value, List<String> problems) {
        if (key.equals(MODELS)) {
            flags.merge(key, value, (before, added) -> before + "," + added);
        } else if (flags.put(key, value) != null) {
            problems.add("--" + key + ": expected once, found twice");
        }
    }

    private static Map<String, String> read(Path path, List<String> problems) {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(path, StandardCharsets.UTF_8)) {
            properties.load(reader);
        } catch (IOException | IllegalArgumentException e) {
            problems.add("--config " + path + ": can't be read: " + e);
        }
        Map<String, String> read = new TreeMap<>();
        properties.stringPropertyNames().forEach(key -> read.put(key, properties.getProperty(key)));
        return read;
    }

    /// `TIDEGRAD_HTTP_PORT` → `http-port`; null for what is not ours. Other variables with our prefix (the launcher has
    /// some) are left alone.
    private static @Nullable String keyOf(String variable) {
        for (String key : KEYS) {
            String name =
                    ENVIRONMENT + key.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
            if (name.equals(variable)) {
                return key;
            }
        }
        String kafka = ENVIRONMENT + "KAFKA_";
        if (variable.startsWith(kafka)) {
            return KAFKA
                    + variable.substring(kafka.length()).toLowerCase(Locale.ROOT).replace('_', '.');
        }
        return null;
    }

    private static ScorerConfig build(Map<String, Setting> settings, List<String> problems) {
        Map<String, String> kafka = new TreeMap<>();
        settings.forEach(
                (key, setting) -> {
                    if (key.startsWith(KAFKA)) {
                        String name = key.substring(KAFKA.length());
                        if (KAFKA_KEYS.contains(name)) {
                            kafka.put(name, setting.value());
                        } else {
                            problems.add(unknown(key, name, KAFKA, KAFKA_KEYS, setting));
                        }
                    } else if (!KEYS.contains(key)) {
                        problems.add(unknown(key, key, "", new LinkedHashSet<>(KEYS), setting));
                    }
                });
        String bootstrap =
                text(
                        settings.get(BOOTSTRAP),
                        kafka.getOrDefault(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, ""));
        if (bootstrap.isEmpty()) {
            problems.add(
                    "--"
                            + BOOTSTRAP
                            + ": expected where Kafka is, for instance 127.0.0.1:9092, found nothing");
        }
        kafka.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        List<String> models = models(settings.get(MODELS), problems);
        String prefix = text(settings.get(PREFIX), "tidegrad");
        if (!prefix.matches("[a-zA-Z0-9._-]+")) {
            problems.add(
                    "--"
                            + PREFIX
                            + ": expected letters, digits, '.', '_' and '-', found '"
                            + prefix
                            + "'");
        }
        ScorerConfig config =
                new ScorerConfig(
                        models,
                        prefix,
                        text(settings.get(HOST), "127.0.0.1"),
                        (int) number(PORT, settings.get(PORT), 8080, 0, 65_535, problems),
                        (int)
                                number(
                                        MAX_BODY,
                                        settings.get(MAX_BODY),
                                        1 << 20,
                                        1,
                                        1 << 30,
                                        problems),
                        (int)
                                number(
                                        MAX_CONNECTIONS,
                                        settings.get(MAX_CONNECTIONS),
                                        1024,
                                        1,
                                        1_000_000,
                                        problems),
                        number(
                                MAX_SNAPSHOT,
                                settings.get(MAX_SNAPSHOT),
                                0,
                                0,
                                Long.MAX_VALUE,
                                problems),
                        ignoresUnknownFields(settings.get(UNKNOWN_FIELDS), problems),
                        Map.copyOf(kafka));
        if (!problems.isEmpty()) {
            throw new ConfigException(problems);
        }
        return config;
    }

    private static String unknown(
            String key, String name, String prefix, Set<String> known, Setting setting) {
        String near =
                Nearest.to(name, known)
                        .map(found -> "; did you mean --" + prefix + found + "?")
                        .orElse("");
        return "--" + key + ": unknown setting " + setting.where() + near;
    }

    private static List<String> models(@Nullable Setting setting, List<String> problems) {
        Set<String> models = new LinkedHashSet<>();
        for (String model : setting == null ? new String[0] : setting.value().split(",")) {
            if (!model.isBlank()) {
                models.add(model.strip());
            }
        }
        if (models.isEmpty()) {
            problems.add(
                    "--"
                            + MODELS
                            + ": expected the names of the models to serve, separated by commas, found "
                            + (setting == null
                                    ? "nothing"
                                    : "'" + setting.value() + "' " + setting.where()));
        }
        for (String model : models) {
            if (!model.matches("[a-zA-Z0-9._-]+")) {
                problems.add(
                        "--"
                                + MODELS
                                + ": expected letters, digits, '.', '_' and '-' in a name, found '"
                                + model
                                + "'");
            }
        }
        return List.copyOf(models);
    }

    private static boolean ignoresUnknownFields(@Nullable Setting setting, List<String> problems) {
        String value = text(setting, "refuse");
        if (!value.equals("refuse") && !value.equals("ignore")) {
            problems.add(
                    "--" + UNKNOWN_FIELDS + ": expected refuse or ignore, found '" + value + "'");
        }
        return value.equals("ignore");
    }

    private static String text(@Nullable Setting setting, String otherwise) {
        return setting == null ? otherwise : setting.value().strip();
    }

    private static long number(
            String key,
            @Nullable Setting setting,
            long otherwise,
            long min,
            long max,
            List<String> problems) {
        if (setting == null) {
            return otherwise;
        }
        try {
            long value = Long.parseLong(setting.value().strip());
            if (value >= min && value <= max) {
                return value;
            }
        } catch (NumberFormatException notANumber) {
            // Told below, with what was expected.
        }
        problems.add(
                "--"
                        + key
                        + ": expected a whole number from "
                        + min
                        + " to "
                        + max
                        + ", found '"
                        + setting.value()
                        + "' "
                        + setting.where());
        return otherwise;
    }

    /// Those of `kafka.*` that a consumer knows.
    Map<String, Object> consumerSettings() {
        Map<String, Object> settings = new LinkedHashMap<>(kafka);
        settings.keySet().retainAll(ConsumerConfig.configNames());
        return settings;
    }

    private static Set<String> kafkaKeys() {
        Set<String> keys = new LinkedHashSet<>(ConsumerConfig.configNames());
        keys.addAll(AdminClientConfig.configNames());
        keys.addAll(ProducerConfig.configNames());
        return keys;
    }

    /// Without passwords and other secrets.
    @Override
    public String toString() {
        return "models "
                + String.join(",", models)
                + ", topic prefix "
                + topicPrefix
                + ", http "
                + host
                + ":"
                + port
                + ", kafka "
                + kafka.get(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG);
    }
}
