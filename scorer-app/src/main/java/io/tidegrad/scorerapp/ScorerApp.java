package io.tidegrad.scorerapp;

import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorerapp.topic.LaneStatus;
import io.tidegrad.scorerapp.topic.RequestLane;
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
    private final @Nullable RequestLane requests;

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
            grpc = config.grpcPort().isPresent() ? grpc(config, models) : null;
            requests = requests(config, models, metrics, clock);
            server = server(config, models, metrics, clock);
        } catch (RuntimeException e) {
            scorers.values().forEach(Scorer::close);
            throw e;
        }
    }

    private GrpcServer grpc(ScorerConfig config, ServedModels models) {
        return new GrpcServer(
                config,
                config.grpcPort().getAsInt(),
                models,
                this::isLive,
                ScorerServer.REQUEST_WITHIN);
    }

    private @Nullable RequestLane requests(
            ScorerConfig config, ServedModels models, ScorerMetrics metrics, InstantSource clock) {
        if (config.requests() == null) {
            return null;
        }
        RequestLane lane = RequestLane.start(config.requests(), scorers, models::ready, clock);
        metrics.bind(new LaneMetrics(lane));
        return lane;
    }

    private ScorerServer server(
            ScorerConfig config, ServedModels models, ScorerMetrics metrics, InstantSource clock) {
        try {
            return new ScorerServer(config, models, requests, metrics, clock, this::isLive);
        } catch (RuntimeException e) {
            if (requests != null) {
                requests.close();
            }
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
        if (requests != null && requests.status().state() == LaneStatus.State.FAILED) {
            return false;
        }
        return scorers.values().stream()
                .noneMatch(scorer -> scorer.status().follower().equals("failed"));
    }

    /// Why Kafka does not let a scorer in that has nothing to serve: the process should end, and starting it again gives
    /// the same. Once a version serves, it goes on serving whatever Kafka says.
    /// Likewise why requests of a topic can't be answered, before the first has been.
    Optional<String> refusal() {
        Optional<String> ofScorers =
                scorers.values().stream()
                        .map(Scorer::status)
                        .filter(status -> status.follower().equals("refused"))
                        .map(ScorerStatus::followerDetail)
                        .findFirst();
        return ofScorers.isPresent() || requests == null ? ofScorers : requests.refusal();
    }

    @Override
    public void close() {
        if (requests != null) {
            requests.close();
        }
        // Requests first: they are answered by what is loaded, and need no follower.
        server.close();
        if (grpc != null) {
            grpc.close();
        }
        scorers.values().forEach(Scorer::close);
    }
}
