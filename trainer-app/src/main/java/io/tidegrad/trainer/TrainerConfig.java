package io.tidegrad.trainer;

import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.jspecify.annotations.Nullable;

/// Everything a trainer is told, parsed once. Each option is `--name value`, or the environment's `TIDEGRAD_NAME`; the
/// command line wins.
///
/// `USAGE` lists them.
///
/// @param kafka for every client; checked for names
/// @param replication of topics we create, -1 for the broker's default
public record TrainerConfig(
        String bootstrapServers,
        String registryUrl,
        String prefix,
        Path stateDir,
        List<Path> specs,
        List<String> models,
        String httpHost,
        int httpPort,
        int keepSnapshots,
        short replication,
        Map<String, String> kafka,
        Map<String, String> registry) {
    public static final String USAGE =
            """
            tidegrad trainer: learn one or more models from their topics, exactly once.

              --bootstrap-servers HOST:PORT  where Kafka is (required)
              --registry-url URL             base of the schema registry's Confluent REST API (required)
              --state-dir DIR                identity of this instance; nothing of a model is kept there (required)
              --spec FILE                    a model to learn; repeat for more
              --model NAME                   a model whose spec is registered already; repeat for more
              --prefix PREFIX                of our topics and application ids (default: tidegrad)
              --http-host, --http-port       health and metrics (default: 127.0.0.1, 8080; port 0: any free one)
              --keep-snapshots N             newest snapshots that stay on the topic (default: 5)
              --replication N                of topics that are created (default: the broker's)
              --kafka.KEY VALUE              a Kafka client setting (TLS, SASL, ...) for every client
              --registry.KEY VALUE           a setting of the registry's client

            Each may also come from the environment: --state-dir as TIDEGRAD_STATE_DIR, --kafka.sasl.mechanism as
            TIDEGRAD_KAFKA_SASL_MECHANISM. The command line wins. Exit codes: docs/operations.md.
            """;

    private static final Set<String> REPEATED = Set.of("spec", "model");
    private static final Set<String> SINGLE =
            Set.of(
                    "bootstrap-servers",
                    "registry-url",
                    "state-dir",
                    "prefix",
                    "http-host",
                    "http-port",
                    "keep-snapshots",
                    "replication");

    /// Client settings besides connection and security that may be given; all others decide correctness and are ours.
    private static final Set<String> TUNABLE =
            Set.of(
                    "session.timeout.ms",
                    "heartbeat.interval.ms",
                    "transaction.timeout.ms",
                    "commit.interval.ms",
                    "max.poll.records",
                    "fetch.min.bytes",
                    "fetch.max.wait.ms",
                    "fetch.max.bytes",
                    "max.partition.fetch.bytes");

    public TrainerConfig {
        specs = List.copyOf(specs);
        models = List.copyOf(models);
        kafka = Map.copyOf(kafka);
        registry = Map.copyOf(registry);
        List<String> problems = new ArrayList<>();
        if (specs.isEmpty() && models.isEmpty()) {
            problems.add("expected at least one --spec FILE or --model NAME, found none");
        }
        if (keepSnapshots < 1) {
            problems.add("--keep-snapshots: expected at least 1, found " + keepSnapshots);
        }
        if (httpPort < 0 || httpPort > 65_535) {
            problems.add("--http-port: expected 0 to 65535, found " + httpPort);
        }
        for (String key : new TreeMap<>(kafka).keySet()) {
            if (!TUNABLE.contains(key) && !AdminClientConfig.configNames().contains(key)) {
                problems.add(
                        "--kafka."
                                + key
                                + ": expected a connection or security setting, or one of "
                                + String.join(", ", TUNABLE.stream().sorted().toList())
                                + "; others decide whether weights survive, and are not for setting");
            }
        }
        refuse(problems);
    }

    private static void refuse(List<String> problems) {
        if (!problems.isEmpty()) {
            throw new TrainerException(ExitCode.CONFIGURATION, String.join("\n", problems));
        }
    }

    /// @throws TrainerException with every mistake: option, expected, found
    public static TrainerConfig parse(List<String> arguments, Map<String, String> environment) {
        List<String> problems = new ArrayList<>();
        Map<String, List<String>> given = new HashMap<>();
        environment.forEach((name, value) -> fromEnvironment(name, value, given));
        Set<String> fromCommandLine = new HashSet<>();
        for (int i = 0; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            if (!argument.startsWith("--")) {
                problems.add("expected an option that starts with --, found " + argument);
                continue;
            }
            int equals = argument.indexOf('=');
            String name = argument.substring(2, equals < 0 ? argument.length() : equals);
            String value;
            if (equals >= 0) {
                value = argument.substring(equals + 1);
            } else if (i + 1 < arguments.size()) {
                value = arguments.get(++i);
            } else {
                problems.add("--" + name + ": expected a value after it, found none");
                continue;
            }
            if (!known(name)) {
                problems.add(
                        "--"
                                + name
                                + ": no such option; there are "
                                + String.join(
                                        " ", SINGLE.stream().sorted().map(o -> "--" + o).toList())
                                + " --spec --model --kafka.KEY --registry.KEY");
                continue;
            }
            if (fromCommandLine.add(name)) {
                given.put(name, new ArrayList<>());
            } else if (!REPEATED.contains(name)) {
                problems.add("--" + name + ": given twice");
            }
            given.computeIfAbsent(name, unused -> new ArrayList<>()).add(value);
        }
        String bootstrapServers = required("bootstrap-servers", given, problems);
        String registryUrl = required("registry-url", given, problems);
        String stateDir = required("state-dir", given, problems);
        int port = number("http-port", 8080, given, problems);
        int keep = number("keep-snapshots", 5, given, problems);
        int replication = number("replication", -1, given, problems);
        refuse(problems);
        return new TrainerConfig(
                bootstrapServers,
                registryUrl,
                single("prefix", given, "tidegrad"),
                Path.of(stateDir),
                given.getOrDefault("spec", List.of()).stream().map(Path::of).toList(),
                given.getOrDefault("model", List.of()),
                single("http-host", given, "127.0.0.1"),
                port,
                keep,
                (short) replication,
                withPrefix("kafka.", given),
                withPrefix("registry.", given));
    }

    private static boolean known(String name) {
        return SINGLE.contains(name)
                || REPEATED.contains(name)
                || name.startsWith("kafka.")
                || name.startsWith("registry.");
    }

    private static void fromEnvironment(
            String variable, String value, Map<String, List<String>> given) {
        if (!variable.startsWith("TIDEGRAD_")) {
            return;
        }
        String name = variable.substring("TIDEGRAD_".length()).toLowerCase(Locale.ROOT);
        if (name.startsWith("kafka_")
                || name.startsWith("registry_") && !name.equals("registry_url")) {
            given.put(name.replace('_', '.'), List.of(value));
            return;
        }
        name = name.replace('_', '-');
        if (REPEATED.contains(name)) {
            given.put(name, List.of(value.split(",")));
        } else if (SINGLE.contains(name)) {
            given.put(name, List.of(value));
        }
    }

    private static String required(
            String name, Map<String, List<String>> given, List<String> problems) {
        List<String> values = given.get(name);
        if (values == null || values.getLast().isBlank()) {
            problems.add(
                    "--"
                            + name
                            + " (or TIDEGRAD_"
                            + name.toUpperCase(Locale.ROOT).replace('-', '_')
                            + "): expected a value, found none");
            return "";
        }
        return values.getLast();
    }

    private static String single(String name, Map<String, List<String>> given, String byDefault) {
        @Nullable List<String> values = given.get(name);
        return values == null ? byDefault : values.getLast();
    }

    private static int number(
            String name, int byDefault, Map<String, List<String>> given, List<String> problems) {
        String text = single(name, given, Integer.toString(byDefault));
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            problems.add("--" + name + ": expected a whole number, found " + text);
            return byDefault;
        }
    }

    private static Map<String, String> withPrefix(String prefix, Map<String, List<String>> given) {
        Map<String, String> settings = new HashMap<>();
        given.forEach(
                (name, values) -> {
                    if (name.startsWith(prefix)) {
                        settings.put(name.substring(prefix.length()), values.getLast());
                    }
                });
        return settings;
    }

    /// Without values of pass-through settings: passwords are among them.
    @Override
    public String toString() {
        return "TrainerConfig[bootstrapServers="
                + bootstrapServers
                + ", prefix="
                + prefix
                + ", stateDir="
                + stateDir
                + ", specs="
                + specs
                + ", models="
                + models
                + ", http="
                + httpHost
                + ":"
                + httpPort
                + ", keepSnapshots="
                + keepSnapshots
                + ", replication="
                + replication
                + ", kafka="
                + kafka.keySet()
                + ", registry="
                + registry.keySet()
                + "]";
    }

    /// Settings for any Kafka client: where Kafka is, and how to be let in.
    Map<String, Object> client() {
        Map<String, Object> client = new HashMap<>();
        kafka.forEach(
                (key, value) -> {
                    if (AdminClientConfig.configNames().contains(key)) {
                        client.put(key, value);
                    }
                });
        client.put("bootstrap.servers", bootstrapServers);
        return client;
    }

    /// Settings for the registry's client.
    Map<String, Object> registryClient() {
        Map<String, Object> client = new HashMap<>(registry);
        client.put("schema.registry.url", registryUrl);
        return client;
    }
}
