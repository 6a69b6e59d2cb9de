package io.tidegrad.trainer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.ServerResponse;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.net.BindException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.apache.kafka.streams.KafkaStreams;
import org.jspecify.annotations.Nullable;

/// `GET /health` (JSON) and `GET /metrics` (Prometheus). Everything it says has been committed: a reader of the topics
/// sees the same. `docs/operations.md` lists fields and names.
final class OperationsServer implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    // Helidon logs each start and stop through java.util.logging. Held here, as the JDK forgets
    // loggers nobody holds.
    private static final java.util.logging.Logger HELIDON =
            java.util.logging.Logger.getLogger("io.helidon");

    static {
        HELIDON.setLevel(java.util.logging.Level.WARNING);
    }

    private final WebServer server;
    private final PrometheusMeterRegistry metrics;
    private final JvmGcMetrics gc = new JvmGcMetrics();

    private OperationsServer(String host, int port, List<ModelTrainer> models) {
        metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        models.forEach(model -> register(model, metrics));
        gc.bindTo(metrics);
        new JvmMemoryMetrics().bindTo(metrics);
        server =
                WebServer.builder()
                        .host(host)
                        .port(port)
                        .shutdownHook(false) // ours stops the models first
                        .maxPayloadSize(1024)
                        .routing(
                                routing ->
                                        routing.get(
                                                        "/health",
                                                        (request, response) ->
                                                                health(models, response))
                                                .get(
                                                        "/metrics",
                                                        (request, response) ->
                                                                response.header(
                                                                                HeaderNames
                                                                                        .CONTENT_TYPE,
                                                                                "text/plain; version=0.0.4; charset=utf-8")
                                                                        .send(metrics.scrape())))
                        .build();
    }

    static OperationsServer start(String host, int port, List<ModelTrainer> models) {
        OperationsServer operations = new OperationsServer(host, port, List.copyOf(models));
        try {
            operations.server.start();
        } catch (RuntimeException e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof BindException) {
                    throw new TrainerException(
                            ExitCode.CONFIGURATION,
                            "--http-port: expected a free port of "
                                    + host
                                    + ", found "
                                    + port
                                    + " in use; choose another, or 0 for any",
                            e);
                }
            }
            throw e;
        }
        return operations;
    }

    int port() {
        return server.port();
    }

    private static void health(List<ModelTrainer> models, ServerResponse response)
            throws JsonProcessingException {
        boolean up = models.stream().allMatch(OperationsServer::learns);
        Map<String, Object> health = new LinkedHashMap<>();
        health.put("status", up ? "UP" : "DOWN");
        health.put("kernels", Kernels.active().name());
        health.put("models", models.stream().map(OperationsServer::describe).toList());
        response.status(up ? Status.OK_200 : Status.SERVICE_UNAVAILABLE_503)
                .header(HeaderNames.CONTENT_TYPE, "application/json")
                .send(JSON.writeValueAsBytes(health));
    }

    private static boolean learns(ModelTrainer model) {
        return model.state() == KafkaStreams.State.RUNNING && model.committed() != null;
    }

    private static Map<String, @Nullable Object> describe(ModelTrainer model) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("model", model.lineage().model());
        said.put("epoch", model.lineage().epoch());
        said.put("state", model.state().name().toLowerCase(java.util.Locale.ROOT));
        said.put("log", model.lineage().log().toString());
        said.put("store", "page-log");
        said.put("commit_interval_ms", model.commitInterval().toMillis());
        said.put("lag", model.lag() < 0 ? null : model.lag());
        CommittedState committed = model.committed();
        if (committed == null) {
            return said;
        }
        said.put("version", committed.version());
        said.put("watermark", committed.nextOffset());
        said.put("learned", committed.examples());
        said.put("pending", committed.pending());
        said.put("dead_letters", committed.accounts().deadLetters());
        said.put("dead_letter_share", number(model.deadLetterShare()));
        said.put("ticks", committed.accounts().ticks());
        said.put(
                "published_version",
                committed.publishedVersion() < 0 ? null : committed.publishedVersion());
        said.put("commits", committed.commits());
        Report report = committed.report();
        if (report != null) {
            Map<String, @Nullable Object> reported = new LinkedHashMap<>();
            reported.put("watermark", report.nextOffset());
            reported.put("version", report.version());
            reported.put("weights_hash", report.weightsHash());
            reported.put("state_hash", report.stateHash());
            reported.put("log_loss", number(report.logLoss()));
            reported.put("prior_log_loss", number(report.priorLogLoss()));
            reported.put("accuracy", number(report.accuracy()));
            reported.put("accuracy_last_2000", number(report.accuracyLast2000()));
            reported.put("auc", number(report.auc()));
            reported.put("mean_squared_error", number(report.meanSquaredError()));
            reported.put("prior_mean_squared_error", number(report.priorMeanSquaredError()));
            reported.put("mean_absolute_error", number(report.meanAbsoluteError()));
            said.put("report", reported);
        }
        return said;
    }

    private static @Nullable Double number(double value) {
        return Double.isNaN(value) ? null : value;
    }

    private static void register(ModelTrainer model, PrometheusMeterRegistry metrics) {
        Tags tags = Tags.of("model", model.lineage().model());
        counter(
                metrics,
                tags,
                model,
                "tidegrad.examples.learned",
                "rows learned",
                CommittedState::examples);
        counter(
                metrics,
                tags,
                model,
                "tidegrad.events.accepted",
                "events taken: learned or pending",
                committed -> committed.accounts().accepted());
        counter(
                metrics,
                tags,
                model,
                "tidegrad.dead.letters",
                "events that can't be learned",
                committed -> committed.accounts().deadLetters());
        counter(
                metrics,
                tags,
                model,
                "tidegrad.commits",
                "commits with changes",
                CommittedState::commits);
        gauge(
                metrics,
                tags,
                model,
                "tidegrad.model.version",
                "committed update count",
                CommittedState::version);
        gauge(
                metrics,
                tags,
                model,
                "tidegrad.published.version",
                "version of the newest snapshot",
                CommittedState::publishedVersion);
        gauge(
                metrics,
                tags,
                model,
                "tidegrad.watermark",
                "next offset of the log",
                CommittedState::nextOffset);
        gauge(
                metrics,
                tags,
                model,
                "tidegrad.pending.rows",
                "rows waiting for their batch",
                CommittedState::pending);
        reported(
                metrics, tags, model, "tidegrad.log.loss", "progressive log loss", Report::logLoss);
        reported(
                metrics,
                tags,
                model,
                "tidegrad.prior.log.loss",
                "of the running prior",
                Report::priorLogLoss);
        reported(
                metrics,
                tags,
                model,
                "tidegrad.accuracy",
                "progressive accuracy",
                Report::accuracy);
        reported(
                metrics,
                tags,
                model,
                "tidegrad.auc",
                "progressive area under the ROC curve",
                Report::auc);
        reported(
                metrics,
                tags,
                model,
                "tidegrad.mean.squared.error",
                "progressive mean squared error",
                Report::meanSquaredError);
        reported(
                metrics,
                tags,
                model,
                "tidegrad.prior.mean.squared.error",
                "of the running mean",
                Report::priorMeanSquaredError);
        reported(
                metrics,
                tags,
                model,
                "tidegrad.mean.absolute.error",
                "progressive mean absolute error",
                Report::meanAbsoluteError);
        Gauge.builder("tidegrad.lag", model, m -> m.lag() < 0 ? Double.NaN : m.lag())
                .description("offsets between the watermark and the end of the log")
                .tags(tags)
                .register(metrics);
        Gauge.builder("tidegrad.dead.letter.share", model, ModelTrainer::deadLetterShare)
                .description("of the events of the last minute, 0 to 1")
                .tags(tags)
                .register(metrics);
        Gauge.builder("tidegrad.up", model, m -> learns(m) ? 1 : 0)
                .description("1 while the model learns")
                .tags(tags)
                .register(metrics);
    }

    private static void counter(
            PrometheusMeterRegistry metrics,
            Tags tags,
            ModelTrainer model,
            String name,
            String description,
            ToDoubleFunction<CommittedState> value) {
        FunctionCounter.builder(name, model, m -> of(m, value, 0))
                .description(description)
                .tags(tags)
                .register(metrics);
    }

    private static void gauge(
            PrometheusMeterRegistry metrics,
            Tags tags,
            ModelTrainer model,
            String name,
            String description,
            ToDoubleFunction<CommittedState> value) {
        Gauge.builder(name, model, m -> of(m, value, Double.NaN))
                .description(description)
                .tags(tags)
                .register(metrics);
    }

    private static void reported(
            PrometheusMeterRegistry metrics,
            Tags tags,
            ModelTrainer model,
            String name,
            String description,
            ToDoubleFunction<Report> value) {
        gauge(
                metrics,
                tags,
                model,
                name,
                description,
                committed ->
                        committed.report() == null
                                ? Double.NaN
                                : value.applyAsDouble(committed.report()));
    }

    private static double of(
            ModelTrainer model, ToDoubleFunction<CommittedState> value, double unknown) {
        CommittedState committed = model.committed();
        return committed == null ? unknown : value.applyAsDouble(committed);
    }

    @Override
    public void close() {
        server.stop();
        gc.close();
        metrics.close();
    }
}
