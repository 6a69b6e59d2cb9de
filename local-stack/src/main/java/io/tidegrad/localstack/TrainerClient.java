package io.tidegrad.localstack;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/// Reads the parts of the trainer's `/health` that are needed here.
public final class TrainerClient {
    private static final String HEALTH = "/health";

    private final Json http;
    private final String url;
    private final String model;

    public TrainerClient(Json http, int port, String model) {
        this(http, base(port), model);
    }

    /// @param base URL of the trainer, without a path
    public TrainerClient(Json http, String base, String model) {
        this.http = http;
        url = base + HEALTH;
        this.model = model;
    }

    /// The health; `NONE` while the trainer does not answer.
    public TrainerHealth health() throws InterruptedException {
        return Objects.requireNonNullElse(all(http, url).get(model), TrainerHealth.NONE);
    }

    /// The health of every model of a trainer, by name; empty while it does not answer.
    public static Map<String, TrainerHealth> all(Json http, int port) throws InterruptedException {
        return all(http, base(port) + HEALTH);
    }

    private static Map<String, TrainerHealth> all(Json http, String url) throws InterruptedException {
        Map<String, TrainerHealth> models = new LinkedHashMap<>();
        JsonNode health = http.get(url);
        if (health != null) {
            health.path("models").forEach(of -> models.put(of.path("model").asText(), health(of)));
        }
        return models;
    }

    private static String base(int port) {
        return "http://127.0.0.1:" + port;
    }

    private static TrainerHealth health(JsonNode of) {
        JsonNode report = of.path("report");
        return new TrainerHealth(of.path("state").asText(), of.path("version").asLong(), of.path("learned").asLong(),
                of.path("pending").asLong(), of.path("dead_letters").asLong(), of.path("watermark").asLong(),
                of.path("published_version").asLong(-1),
                new TrainerHealth.Report(report.path("watermark").asLong(), Json.number(report, "log_loss"),
                        Json.number(report, "prior_log_loss"), Json.number(report, "accuracy"),
                        Json.number(report, "accuracy_last_2000"), Json.number(report, "auc"),
                        report.path("weights_hash").asText(), report.path("state_hash").asText()));
    }
}
