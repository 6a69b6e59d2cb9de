package io.tidegrad.scorerapp;

import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ScorerStatus;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The scorer as it runs in a process: a scorer for each model, HTTP and perhaps gRPC around
/// them. Also started in tests.
public final class ScorerApp implements AutoCloseable {
    private final Map<String, Scorer> scorers = new LinkedHashMap<>();
    private final ScorerServer server;
    private final @Nullable GrpcServer grpc;

    /// @param open how a model is followed; only a test gives another than `Scorer::open`
    ScorerApp(ScorerConfig config, InstantSource clock, Function<ScorerOptions, Scorer> open) {
        try {
            for (String model : config.models()) {
                scorers.put(model, open.apply(options(config, model, clock)));
            }
            ScorerMetrics metrics = new ScorerMetrics(scorers.values(), clock);
            ServedModels models =
                    new ServedModels(
                            scorers, metrics, config.maxBodyBytes(), config.ignoreUnknownFields());
            // One for both: they share the processors.
            WorkLimit work = new WorkLimit(config.maxConcurrentRequests(), config.maxConnections());
            grpc = config.grpcPort().isPresent() ? grpc(config, models, work) : null;
            server = server(config, models, metrics, work, clock);
        } catch (RuntimeException e) {
            scorers.values().forEach(Scorer::close);
            throw e;
        }
    }

    private GrpcServer grpc(ScorerConfig config, ServedModels models, WorkLimit work) {
        return new GrpcServer(
                config,
                config.grpcPort().getAsInt(),
                models,
                work,
                this::isLive,
                ScorerServer.REQUEST_WITHIN);
    }

    private ScorerServer server(
            ScorerConfig config,
            ServedModels models,
            ScorerMetrics metrics,
            WorkLimit work,
            InstantSource clock) {
        try {
            return new ScorerServer(config, models, metrics, work, clock, this::isLive);
        } catch (RuntimeException e) {
            if (grpc != null) {
                grpc.close();
            }
            throw e;
        }
    }

    /// Returns when HTTP answers; the models follow as Kafka has them.
    public static ScorerApp start(ScorerConfig config, InstantSource clock) {
        return new ScorerApp(config, clock, Scorer::open);
    }

    private static ScorerOptions options(ScorerConfig config, String model, InstantSource clock) {
        ScorerOptions options =
                ScorerOptions.of(model, config.kafka().consumer())
                        .withPrefix(config.topicPrefix())
                        .withPublicKey(config.publicKey())
                        .withClock(clock);
        return config.maxSnapshotBytes() == 0
                ? options
                : options.withMaxSnapshotBytes(config.maxSnapshotBytes());
    }

    public int port() {
        return server.port();
    }

    /// Of gRPC, when it is on.
    OptionalInt grpcPort() {
        return grpc == null ? OptionalInt.empty() : OptionalInt.of(grpc.port());
    }

    public Scorer scorer(String model) {
        Scorer scorer = scorers.get(model);
        if (scorer == null) {
            throw new IllegalArgumentException(
                    "no model '" + model + "'; served: " + scorers.keySet());
        }
        return scorer;
    }

    /// False when a follower died of what no retry can heal: the process should end and be started again.
    public boolean isLive() {
        return scorers.values().stream()
                .noneMatch(scorer -> scorer.status().follower().equals("failed"));
    }

    /// Why Kafka does not let a scorer in that has nothing to serve: the process should end, and starting it again gives
    /// the same. Once a version serves, it goes on serving whatever Kafka says.
    Optional<String> refusal() {
        return scorers.values().stream()
                .map(Scorer::status)
                .filter(status -> status.follower().equals("refused"))
                .map(ScorerStatus::followerDetail)
                .findFirst();
    }

    @Override
    public void close() {
        // Requests first: they are answered by what is loaded, and need no follower.
        server.close();
        if (grpc != null) {
            grpc.close();
        }
        scorers.values().forEach(Scorer::close);
    }
}
