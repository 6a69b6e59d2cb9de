package io.tidegrad.scorerapp;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.TestBroker;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// A scorer as its clients meet it: a real broker, a real server. Serves a model that learned flights and one with a
/// feature of every kind; waits for a third that never comes.
final class TestApp implements AutoCloseable {
    static final String RECORD =
            "{\"departed\": \"2001-05-01T08:30:00Z\", \"distance\": 2586, \"origin\": \"SFO\", \"destination\": \"JFK\"}";

    /// Of the model with every kind of feature.
    static final String KINDS_RECORD =
            "{\"size\": 3, \"camera\": \"x\", \"lens\": \"y\", \"taken\": \"2001-05-01T08:30:00Z\", \"sold\": 0,"
                    + " \"angle\": 90, \"image\": [0, 1, 2, 255]}";

    final String flights = TestBroker.newModelName();
    final String kinds = TestBroker.newModelName();
    final TestTrainer trainer = TestTrainer.of(flights).learn(300);
    final TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), flights).createTopic();
    private final ScorerApp app;

    private TestApp(String models, Function<ScorerOptions, ModelRouter> open, String... moreArguments) {
        List<String> arguments = new ArrayList<>(List.of(moreArguments));
        arguments.addAll(List.of("--bootstrap-servers", TestBroker.bootstrapServers(), "--model",
                models.replace("FLIGHTS", flights).replace("KINDS", kinds), "--http-port", "0", "--grpc-port", "0"));
        app = new ScorerApp(ScorerConfig.parse(arguments, Map.of()), InstantSource.system(), open);
    }

    /// For one model, which the caller publishes.
    static TestApp of(String model, Function<ScorerOptions, Scorer> open, String... settings) {
        return new TestApp(model, options -> ModelRouter.of(open.apply(options)), settings);
    }

    /// For models, which the caller publishes and tries.
    ///
    /// @param registryUrl of where comparisons are told by
    static TestApp staged(String models, String registryUrl) {
        return new TestApp(models, ModelRouter::open, "--registry-url", registryUrl);
    }

    static TestApp start() {
        TestApp started = new TestApp("FLIGHTS,KINDS,never", ModelRouter::open);
        started.publisher.publish(started.trainer.publish());
        started.publishKinds();
        for (String model : List.of(started.flights, started.kinds)) {
            started.awaitReady(model);
        }
        return started;
    }

    /// A version that has learned nothing, of the model with every kind of feature.
    void publishKinds() {
        OnlineModel untrained = OnlineModel.initial(kindsSpec(kinds), Kernels.active());
        try (TestPublisher other = new TestPublisher(TestBroker.bootstrapServers(), kinds).createTopic()) {
            other.publish(PublishedSnapshot.of(untrained, untrained.weightsHash(), 1, 0, 0, true));
        }
    }

    private static ModelSpec kindsSpec(String model) {
        return ModelSpec.parse("""
                model: %s
                input: { topic: photos }
                label: { field: good }
                features:
                  - number: { field: size }
                  - category: { field: camera, buckets: 16, dimension: 2 }
                  - cross: { fields: [camera, lens], buckets: 16, dimension: 2 }
                  - time-part: { field: taken, parts: [hour], dimension: 2 }
                  - cyclic: { field: angle, period: 360 }
                  - cyclic: { field: sold, part: month }
                  - pixels: { field: image, width: 2, height: 2 }
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { sgd: { rate: 0.1 } }
                """.formatted(model), "test");
    }

    private void awaitReady(String model) {
        try {
            if (!app.scorer(model).awaitReady(Duration.ofSeconds(60))) {
                throw new IllegalStateException(app.scorer(model).status().toString());
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    Scorer scorer(String model) {
        return app.scorer(model);
    }

    ModelRouter router(String model) {
        return app.router(model);
    }

    int port() {
        return app.port();
    }

    int grpcPort() {
        return app.grpcPort().getAsInt();
    }

    @Override
    public void close() {
        app.close();
        publisher.close();
    }
}
