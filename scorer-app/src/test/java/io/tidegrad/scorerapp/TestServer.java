package io.tidegrad.scorerapp;

import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.TestTrainer;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/// HTTP and gRPC around one model in this process, without a broker: what has to do with clients only.
final class TestServer implements AutoCloseable {
    final TestTrainer trainer = TestTrainer.of("flights").learn(300);
    final Scorer scorer = scorer(trainer.publish());
    final ScorerMetrics metrics = new ScorerMetrics(List.of(scorer), InstantSource.system());
    private final Shadows shadows = new Shadows(metrics::follow);
    final RequestLimits limits;
    final ScorerServer http;
    final GrpcServer grpc;

    private TestServer(ServerConfig config, Duration within, UnaryOperator<RequestLimits> limited) {
        ServedModels models = new ServedModels(Map.of("flights", ModelRouter.of(scorer)), metrics, shadows,
                config.maxBodyBytes(), false, (topic, field) -> false, ServedLogs.NONE);
        limits = limited.apply(RequestLimits.of(config));
        metrics.follow(limits.bodies());
        http = new ScorerServer(config, models, null, metrics, limits, () -> true);
        grpc = new GrpcServer(config, 0, models, limits, () -> true, within, metrics::connectionEnded);
    }

    static TestServer start(String... settings) {
        return start(Duration.ofSeconds(10), settings);
    }

    /// @param within a gRPC connection and its calls begin
    static TestServer start(Duration within, String... settings) {
        return new TestServer(config(settings), within, UnaryOperator.identity());
    }

    /// @param limited the limits in place of those that the settings come to
    static TestServer start(Duration within, UnaryOperator<RequestLimits> limited) {
        return new TestServer(config(), within, limited);
    }

    static ServerConfig config(String... settings) {
        List<String> arguments =
                new ArrayList<>(List.of("--bootstrap-servers", "none:1", "--model", "flights", "--http-port", "0"));
        arguments.addAll(List.of(settings));
        return ScorerConfig.parse(arguments, Map.of()).server();
    }

    private static Scorer scorer(PublishedSnapshot snapshot) {
        return Scorer.of(snapshot.manifest(),
                snapshot.records().stream().limit(snapshot.records().size() - 1L).map(SnapshotEntry::value).toList(),
                InstantSource.system());
    }

    /// Of a counter, by all of its labels: `reason="displaced"`.
    double count(String name, String label) {
        return metrics.scrape().lines().filter(line -> line.startsWith(name) && line.contains(label))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1))).sum();
    }

    @Override
    public void close() {
        http.close();
        grpc.close();
        shadows.close();
        scorer.close();
    }
}
