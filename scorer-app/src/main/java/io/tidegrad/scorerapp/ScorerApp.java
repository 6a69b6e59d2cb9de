package io.tidegrad.scorerapp;

import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorerapp.topic.TopicScorerStatus;
import io.tidegrad.scorerapp.topic.TopicScorer;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The scorer as it runs in a process: for each name what answers to it and what is tried beside, HTTP and perhaps gRPC
/// around them. Also started in tests.
public final class ScorerApp implements AutoCloseable {
    private final Map<String, ModelRouter> routers = new LinkedHashMap<>();
    private final Shadows shadows;
    private final ScorerServer server;
    private final @Nullable GrpcServer grpc;
    private final @Nullable TopicScorer requests;
    private final @Nullable ComparisonTopic comparisons;
    private final StatusTopic status;
    private volatile @Nullable EventFields eventFields; // where a registry is named

    /// @param open how a model is followed; only a test gives another than `ModelRouter::open`
    ScorerApp(ScorerConfig config, InstantSource clock, Function<ScorerOptions, ModelRouter> open) {
        try {
            for (String model : config.models()) {
                routers.put(model, open.apply(options(config, model, clock)));
            }
            ScorerMetrics metrics = new ScorerMetrics(live().toList(), clock);
            shadows = new Shadows(metrics::follow);
            ServedModels models = new ServedModels(routers, metrics, shadows, config.server().maxBodyBytes(),
                    config.server().ignoreUnknownFields(), (topic, field) -> {
                        EventFields fields = eventFields;
                        return fields != null && fields.has(topic, field);
                    });
            if (config.registry() != null) {
                eventFields = new EventFields(config.registry(), models::inputTopics);
            }
            RequestLimits limits = RequestLimits.of(config.server());
            metrics.follow(limits.bodies());
            grpc = config.server().grpcPort().isPresent() ? grpc(config, models, metrics, limits) : null;
            requests = requests(config, models, metrics, clock);
            server = server(config, models, metrics, limits);
            comparisons = comparisons(config, clock);
            status = new StatusTopic(config.kafka(), new Topics(config.topicPrefix()),
                    config.server().host() + ":" + server.port(), routers.values(), config.snapshots().pins().keySet(),
                    clock);
            metrics.follow(status);
        } catch (RuntimeException e) {
            routers.values().forEach(ModelRouter::close);
            throw e;
        }
    }

    private GrpcServer grpc(ScorerConfig config, ServedModels models, ScorerMetrics metrics, RequestLimits limits) {
        return new GrpcServer(config.server(), config.server().grpcPort().getAsInt(), models, limits, this::isLive,
                ScorerServer.REQUEST_WITHIN, metrics::connectionEnded);
    }

    private @Nullable TopicScorer requests(ScorerConfig config, ServedModels models, ScorerMetrics metrics,
            InstantSource clock) {
        if (config.requests() == null) {
            return null;
        }
        TopicScorer topicScorer =
                TopicScorer.start(config.requests(), routers, shadows::scored, models::serving, clock);
        metrics.bind(new LaneMetrics(topicScorer));
        return topicScorer;
    }

    /// Without a registry only metrics tell.
    private @Nullable ComparisonTopic comparisons(ScorerConfig config, InstantSource clock) {
        return config.registry() == null ? null
                : new ComparisonTopic(config.kafka(), config.registry(), new Topics(config.topicPrefix()),
                        config.server().host() + ":" + server.port(), shadows.comparisons(), clock);
    }

    private ScorerServer server(ScorerConfig config, ServedModels models, ScorerMetrics metrics, RequestLimits limits) {
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

    /// Returns when HTTP answers; the models follow as Kafka has them.
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

    /// Of gRPC, when it is on.
    OptionalInt grpcPort() {
        return grpc == null ? OptionalInt.empty() : OptionalInt.of(grpc.port());
    }

    private Stream<Scorer> live() {
        return routers.values().stream().map(ModelRouter::live);
    }

    /// What answers to a name, but for the keys of challengers.
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

    /// False when a follower died of what no retry can heal: the process should end and be started again.
    public boolean isLive() {
        if (requests != null && requests.status().state() == TopicScorerStatus.State.FAILED) {
            return false;
        }
        return live().noneMatch(scorer -> scorer.status().follower().equals("failed"));
    }

    /// Why Kafka does not let a scorer in that has nothing to serve: the process should end, and starting it again
    /// gives the same. Once a version serves, it goes on serving whatever Kafka says. Likewise why requests of a topic
    /// can't be answered, before the first has been.
    Optional<String> refusal() {
        Optional<String> ofScorers = live().map(Scorer::status).filter(status -> status.follower().equals("refused"))
                .map(ScorerStatus::followerDetail).findFirst();
        return ofScorers.isPresent() || requests == null ? ofScorers : requests.refusal();
    }

    /// Why nobody can connect any more though nothing was closed: the process should end and be started again.
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
        // Requests first: they are answered by what is loaded, and need no follower.
        server.close();
        if (grpc != null) {
            grpc.close();
        }
        shadows.close();
        if (comparisons != null) {
            comparisons.close();
        }
        routers.values().forEach(ModelRouter::close);
    }
}
