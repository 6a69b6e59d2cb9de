package io.tidegrad.scorerapp;

import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.Command;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.Setting;
import io.tidegrad.schemas.settings.Settings;
import io.tidegrad.schemas.settings.SettingsException;
import io.tidegrad.scorerapp.topic.RequestsConfig;
import java.nio.file.Path;
import java.security.PublicKey;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Everything a scorer is told.
///
/// @param models to serve, at least one
/// @param topicPrefix of our topics
/// @param host to bind; the loopback address unless said otherwise
/// @param port 0 for any free one
/// @param grpcPort of gRPC; 0 for any free one, empty for none
/// @param maxBodyBytes larger requests are answered 413
/// @param maxConnections open at once; further ones wait to be accepted
/// @param maxSnapshotBytes largest model taken; 0 for a quarter of the heap
/// @param publicKey that every snapshot must be signed with; null when they need not be signed
/// @param ignoreUnknownFields whether fields that no feature reads are passed over instead of refused
/// @param requests scoring from topic to topic; null when it is off
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
        @Nullable RequestsConfig requests) {
    public ScorerConfig {
        models = List.copyOf(models);
    }

    /// @throws SettingsException with every mistake
    public static ScorerConfig parse(List<String> arguments, Map<String, String> environment) {
        return of(Settings.read(Command.SCORER, arguments, environment));
    }

    /// @throws SettingsException with every mistake
    static ScorerConfig of(Settings settings) {
        PublicKey publicKey = publicKey(settings);
        RequestsConfig requests = requests(settings);
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
                requests);
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
