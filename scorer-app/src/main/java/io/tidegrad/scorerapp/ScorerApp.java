package io.tidegrad.scorerapp;

import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedLog;
import io.tidegrad.scorerapp.topic.TopicScorer;
import io.tidegrad.scorerapp.topic.TopicScorerStatus;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The scorer process: a router for each name, with HTTP and optionally gRPC around them. Tests start it too.
public final class ScorerApp implements AutoCloseable {
    private final Map<String, ModelRouter> routers = new LinkedHashMap<>();
    private final ScorerMetrics metrics;
    private final Shadows shadows;
    private final ScorerServer server;
    private final @Nullable GrpcServer grpc;
    private final @Nullable TopicScorer requests;
    private final @Nullable ComparisonTopic comparisons;
    private final StatusTopic status;
    private final ServedLogs logs;
    private volatile @Nullable EventFields eventFields; // if a registry is configured

    /// @param open opens the router of a name; only tests use another one than `ModelRouter::open`
    ScorerApp(ScorerConfig config, InstantSource clock, Function<ScorerOptions, ModelRouter> open) {
        logs = ServedLogs.open(config.logs(), config.kafka(), config.registry(), clock);
        try {
            for (String model : config.models()) {
                routers.put(model, open.apply(options(config, model, clock)));
            }
            metrics = new ScorerMetrics(live().toList(), clock);
            shadows = new Shadows(metrics::follow);
            for (String name : routers.keySet()) {
                ServedLog log = logs.log(name);
                if (log != null) {
                    metrics.bind(registry -> ScorerMeasures.register(name, log, registry));
                }
            }
            ServedModels models = new ServedModels(routers, metrics, shadows, config.server().maxBodyBytes(),
                    config.server().ignoreUnknownFields(), (source, field) -> {
                        EventFields fields = eventFields;
                        return fields != null && fields.has(source, field);
                    }, logs);
            if (config.registry() != null) {
                eventFields = new EventFields(config.registry(), models::eventTopics);
            }
            RequestLimits limits = RequestLimits.of(config.server());
            metrics.follow(limits.bodies());
            grpc = config.server().grpcPort().isPresent() ? grpc(config, models, limits) : null;
            requests = requests(config, models, clock);
            server = server(config, models, limits);
            comparisons = comparisons(config, clock);
            status = new StatusTopic(config.kafka(), new Topics(config.topicPrefix()),
                    config.server().host() + ":" + server.port(), routers.values(), config.snapshots().pins().keySet(),
                    clock);
            metrics.follow(status);
        } catch (RuntimeException e) {
            routers.values().forEach(ModelRouter::close);
            logs.close();
            throw e;
        }
    }

    private GrpcServer grpc(ScorerConfig config, ServedModels models, RequestLimits limits) {
        return new GrpcServer(config.server(), config.server().grpcPort().getAsInt(), models, limits, this::isLive,
                ScorerServer.REQUEST_WITHIN, metrics::connectionEnded);
    }

    private @Nullable TopicScorer requests(ScorerConfig config, ServedModels models, InstantSource clock) {
        if (config.requests() == null) {
            return null;
        }
        TopicScorer topicScorer =
                TopicScorer.start(config.requests(), routers, shadows::scored, models::serving, clock);
        metrics.bind(registry -> TopicScorerMeasures.register(topicScorer, registry));
        return topicScorer;
    }

    /// Without a registry, comparisons are only in the metrics.
    private @Nullable ComparisonTopic comparisons(ScorerConfig config, InstantSource clock) {
        return config.registry() == null ? null
                : new ComparisonTopic(config.kafka(), config.registry(), new Topics(config.topicPrefix()),
                        config.server().host() + ":" + server.port(), shadows.comparisons(), clock);
    }

    private ScorerServer server(ScorerConfig config, ServedModels models, RequestLimits limits) {
        try {
            return new ScorerServer(config.server(), models, requests, metrics, limits, this::isLive);
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

    /// Starts the app. It returns once HTTP answers; the models follow when Kafka gives them.
    public static ScorerApp start(ScorerConfig config, InstantSource clock) {
        return new ScorerApp(config, clock, ModelRouter::open);
    }

    private static ScorerOptions options(ScorerConfig config, String model, InstantSource clock) {
        return config.snapshots().applied(
                ScorerOptions.of(model, config.kafka().consumer()).withPrefix(config.topicPrefix()).withClock(clock));
    }

    public int port() {
        return server.port();
    }

    public OptionalInt grpcPort() {
        return grpc == null ? OptionalInt.empty() : OptionalInt.of(grpc.port());
    }

    private Stream<Scorer> live() {
        return routers.values().stream().map(ModelRouter::live);
    }

    /// Returns the live scorer of a name.
    public Scorer scorer(String model) {
        return router(model).live();
    }

    ModelRouter router(String model) {
        ModelRouter known = routers.get(model);
        if (known == null) {
            throw new IllegalArgumentException("no model '" + model + "'; served: " + routers.keySet());
        }
        return known;
    }

    /// Returns the log of what is served under a name; null if it has none.
    @Nullable
    ServedLog log(String name) {
        return logs.log(name);
    }

    /// Returns false if a follower ended with an error that no retry can repair. The process should then be restarted.
    public boolean isLive() {
        if (requests != null && requests.status().state() == TopicScorerStatus.State.FAILED) {
            return false;
        }
        return live().noneMatch(scorer -> scorer.status().follower().equals("failed"));
    }

    /// Returns why a restart would not help: Kafka denies access to a scorer that has nothing to serve, or the requests
    /// of a topic can't be answered and none has been so far. The process should end. Once a version serves, a scorer
    /// continues whatever Kafka says.
    Optional<String> refusal() {
        Optional<String> ofScorers = live().map(Scorer::status).filter(status -> status.follower().equals("refused"))
                .map(ScorerStatus::followerDetail).findFirst();
        return ofScorers.isPresent() || requests == null ? ofScorers : requests.refusal();
    }

    /// Returns why nobody can connect any more although nothing was closed. The process should then be restarted.
    Optional<String> ended() {
        Optional<String> http = server.ended();
        return http.isPresent() || grpc == null ? http : grpc.ended();
    }

    @Override
    public void close() {
        if (requests != null) {
            requests.close();
        }
        status.close();
        EventFields fields = eventFields;
        if (fields != null) {
            fields.close();
        }
        // The topic scorer is closed first: it uses the loaded versions and needs no follower.
        server.close();
        if (grpc != null) {
            grpc.close();
        }
        logs.close();
        shadows.close();
        if (comparisons != null) {
            comparisons.close();
        }
        routers.values().forEach(ModelRouter::close);
        metrics.close();
    }
}
