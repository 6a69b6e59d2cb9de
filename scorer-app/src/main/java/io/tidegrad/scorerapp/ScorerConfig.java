package io.tidegrad.scorerapp;

import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.Command;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.schemas.settings.Setting;
import io.tidegrad.schemas.settings.Settings;
import io.tidegrad.schemas.settings.SettingsException;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorerapp.topic.RequestsConfig;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Everything a scorer is told.
///
/// @param models to serve, at least one
/// @param topicPrefix of our topics
/// @param host to bind; the loopback address unless said otherwise
/// @param port 0 for any free one
/// @param grpcPort of gRPC; 0 for any free one, empty for none
/// @param maxBodyBytes larger requests are answered 413
/// @param maxConnections open at once; the one that waits longest for its client makes room for the next
/// @param maxSnapshotBytes largest model taken; 0 for a quarter of the heap
/// @param publicKey that every snapshot must be signed with; null when they need not be signed
/// @param ignoreUnknownFields whether fields that no feature reads are passed over instead of refused
/// @param registry for what is written to topics; null where none is named
/// @param requests scoring from topic to topic; null when it is off
/// @param maxConcurrentRequests worked on at once; further ones wait a moment and are then refused
/// @param certificate to answer over TLS with; null for none
/// @param tokens that clients must have one of; null when they need none
/// @param stateDir keeps what serves, for a start without Kafka; null for nowhere
/// @param maxAge of what serves for a scorer that is ready; null for any
/// @param pins versions that serve and no other, by model
public record ScorerConfig(
        List<String> models,
        String topicPrefix,
        String host,
        int port,
        OptionalInt grpcPort,
        int maxBodyBytes,
        int maxConnections,
        long maxSnapshotBytes,
        @Nullable PublicKey publicKey,
        boolean ignoreUnknownFields,
        KafkaSettings kafka,
        @Nullable RegistrySettings registry,
        @Nullable RequestsConfig requests,
        int maxConcurrentRequests,
        @Nullable ServerCertificate certificate,
        @Nullable BearerTokens tokens,
        @Nullable Path stateDir,
        @Nullable Duration maxAge,
        Map<String, ScorerOptions.Pin> pins) {
    private static final Logger log = LoggerFactory.getLogger(ScorerConfig.class);
    private static final Pattern PIN = Pattern.compile("(.+)=(\\d+)\\.(\\d+)");

    /// Of a processor: what waits for a core is in memory, and more of it makes no answer faster.
    private static final int REQUESTS_PER_PROCESSOR = 2;

    public ScorerConfig {
        models = List.copyOf(models);
        pins = Map.copyOf(pins);
    }

    /// @throws SettingsException with every mistake
    public static ScorerConfig parse(List<String> arguments, Map<String, String> environment) {
        return of(Settings.read(Command.SCORER, arguments, environment));
    }

    /// @throws SettingsException with every mistake
    static ScorerConfig of(Settings settings) {
        PublicKey publicKey = publicKey(settings);
        RequestsConfig requests = requests(settings);
        ServerCertificate certificate = certificate(settings);
        BearerTokens tokens = tokens(settings);
        Path stateDir = stateDir(settings);
        Map<String, ScorerOptions.Pin> pins = pins(settings);
        settings.refuseMistakes();
        return new ScorerConfig(
                settings.list(Setting.MODEL),
                settings.text(Setting.PREFIX),
                settings.text(Setting.HTTP_HOST),
                settings.number(Setting.HTTP_PORT),
                grpcPort(settings),
                settings.number(Setting.MAX_BODY_BYTES),
                settings.number(Setting.MAX_CONNECTIONS),
                settings.numberIfGiven(Setting.MAX_SNAPSHOT_BYTES).orElse(0),
                publicKey,
                settings.text(Setting.UNKNOWN_FIELDS).equals("ignore"),
                settings.kafka(),
                settings.text(Setting.REGISTRY_URL).isEmpty() ? null : settings.registry(),
                requests,
                maxConcurrentRequests(settings),
                certificate,
                tokens,
                stateDir,
                maxAge(settings),
                pins);
    }

    private static Map<String, ScorerOptions.Pin> pins(Settings settings) {
        Map<String, ScorerOptions.Pin> pins = new LinkedHashMap<>();
        for (String pin : settings.list(Setting.PIN)) {
            Matcher parts = PIN.matcher(pin);
            if (!parts.matches()) {
                continue; // told already
            }
            String model = parts.group(1);
            if (!settings.list(Setting.MODEL).contains(model)) {
                settings.problem(
                        "--pin: expected one of --model, "
                                + String.join(", ", settings.list(Setting.MODEL))
                                + ", found '"
                                + pin
                                + "'");
            }
            ScorerOptions.Pin version =
                    new ScorerOptions.Pin(
                            Integer.parseInt(parts.group(2)), Long.parseLong(parts.group(3)));
            if (pins.put(model, version) != null) {
                settings.problem("--pin: expected one version of " + model + ", found another");
            }
        }
        return pins;
    }

    private static @Nullable RequestsConfig requests(Settings settings) {
        String requests = settings.text(Setting.REQUESTS_TOPIC);
        if (requests.isEmpty()) {
            return null;
        }
        Topics topics = new Topics(settings.text(Setting.PREFIX));
        String predictions = given(settings, Setting.PREDICTIONS_TOPIC, topics.predictions());
        if (Stream.of(requests, predictions, topics.deadLetters()).distinct().count() < 3) {
            settings.problem(
                    "--requests-topic, --predictions-topic: expected two topics, and neither of them "
                            + topics.deadLetters()
                            + ", found "
                            + requests
                            + " and "
                            + predictions
                            + ": answers would be taken for requests");
        }
        if (settings.text(Setting.REGISTRY_URL).isEmpty()) {
            settings.problem(
                    "--registry-url: expected beside --requests-topic, found none: the registry has the schemas of requests");
        }
        return new RequestsConfig(
                topics,
                requests,
                predictions,
                given(settings, Setting.REQUESTS_GROUP, topics.requestsGroup()),
                settings.kafka(),
                settings.registry());
    }

    private static String given(Settings settings, Setting setting, String otherwise) {
        String given = settings.text(setting);
        return given.isEmpty() ? otherwise : given;
    }

    private static int maxConcurrentRequests(Settings settings) {
        return Math.toIntExact(
                settings.numberIfGiven(Setting.MAX_CONCURRENT_REQUESTS)
                        .orElse(
                                REQUESTS_PER_PROCESSOR
                                        * (long) Runtime.getRuntime().availableProcessors()));
    }

    private static @Nullable ServerCertificate certificate(Settings settings) {
        String certificates = settings.text(Setting.TLS_CERTIFICATE);
        String privateKey = settings.text(Setting.TLS_PRIVATE_KEY);
        if (certificates.isEmpty() && privateKey.isEmpty()) {
            return null;
        }
        if (certificates.isEmpty() || privateKey.isEmpty()) {
            settings.problem(
                    "expected --%s and --%s together, found only --%s"
                            .formatted(
                                    Setting.TLS_CERTIFICATE.key(),
                                    Setting.TLS_PRIVATE_KEY.key(),
                                    (certificates.isEmpty()
                                                    ? Setting.TLS_PRIVATE_KEY
                                                    : Setting.TLS_CERTIFICATE)
                                            .key()));
            return null;
        }
        try {
            return new ServerCertificate(
                    Path.of(certificates), Path.of(privateKey), System::nanoTime);
        } catch (IllegalArgumentException e) {
            settings.problem("TLS: " + e.getMessage());
            return null;
        }
    }

    private static @Nullable BearerTokens tokens(Settings settings) {
        String file = settings.text(Setting.TOKEN_FILE);
        if (file.isEmpty()) {
            return null;
        }
        try {
            return new BearerTokens(Path.of(file), System::nanoTime);
        } catch (IllegalArgumentException e) {
            settings.problem(Setting.TOKEN_FILE.key() + ": " + e.getMessage());
            return null;
        }
    }

    /// One line for who binds what others reach.
    void warnOfStrangers() {
        if (isLoopback(host) || certificate != null && tokens != null) {
            return;
        }
        log.warn(
                "whoever reaches {} {}: give {}, or let only something reach it that has both",
                host,
                tokens == null
                        ? certificate == null
                                ? "can ask, and read along what others ask"
                                : "can ask"
                        : "can read along what others ask, and their tokens",
                tokens == null
                        ? certificate == null
                                ? "--tls-certificate, --tls-private-key and --token-file"
                                : "--token-file"
                        : "--tls-certificate and --tls-private-key");
    }

    private static boolean isLoopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }

    private static @Nullable Path stateDir(Settings settings) {
        String given = settings.text(Setting.STATE_DIR);
        if (given.isEmpty()) {
            return null;
        }
        Path directory = Path.of(given);
        Path there = directory.toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        if (!Files.isDirectory(there) || !Files.isWritable(there)) {
            settings.problem(
                    "--state-dir: expected a directory that can be written, found "
                            + there
                            + (Files.isDirectory(there)
                                    ? ", which can't be"
                                    : ", which is not one"));
        }
        return directory;
    }

    private static @Nullable Duration maxAge(Settings settings) {
        OptionalLong seconds = settings.numberIfGiven(Setting.MAX_AGE);
        return seconds.isPresent() ? Duration.ofSeconds(seconds.getAsLong()) : null;
    }

    private static OptionalInt grpcPort(Settings settings) {
        OptionalLong given = settings.numberIfGiven(Setting.GRPC_PORT);
        return given.isPresent()
                ? OptionalInt.of(Math.toIntExact(given.getAsLong()))
                : OptionalInt.empty();
    }

    private static @Nullable PublicKey publicKey(Settings settings) {
        String file = settings.text(Setting.SNAPSHOT_PUBLIC_KEY);
        if (file.isEmpty()) {
            return null;
        }
        try {
            return ManifestKeys.publicKey(Path.of(file));
        } catch (IllegalArgumentException e) {
            settings.problem(Setting.SNAPSHOT_PUBLIC_KEY.key() + ": " + e.getMessage());
            return null;
        }
    }
}
