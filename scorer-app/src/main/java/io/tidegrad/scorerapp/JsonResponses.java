package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.ByteArrayBuilder;
import io.helidon.http.Header;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.control.Candidate;
import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ControlStatus;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.ops.measure.Measures;
import io.tidegrad.scorer.Admission;
import io.tidegrad.scorer.AdmissionLog;
import io.tidegrad.scorer.Explanation;
import io.tidegrad.scorer.Prediction;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorerapp.topic.TopicScorerStatus;
import io.tidegrad.scorerapp.topic.TopicScorer;
import io.tidegrad.scorerapp.topic.RequestsConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// All JSON responses of this server (those of `/v2` are in `InferResponses`). They are written as a stream; names are
/// in snake case, times in epoch ms.
final class JsonResponses {
    private static final JsonFactory JSON = new JsonFactory();
    private static final Header JSON_TYPE = HeaderValues.createCached(HeaderNames.CONTENT_TYPE, "application/json");

    private JsonResponses() {}

    /// Writes the members of one object.
    @FunctionalInterface
    interface Body {
        void write(JsonGenerator json) throws IOException;
    }

    static byte[] object(Body body) {
        ByteArrayBuilder bytes = new ByteArrayBuilder();
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            body.write(json);
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    static void send(ServerResponse response, Status status, byte[] json) {
        response.status(status).header(JSON_TYPE).send(json);
    }

    static byte[] problem(HttpProblem problem) {
        return object(json -> {
            json.writeStringField("reason", problem.reason().code());
            if (problem.record() != HttpProblem.NO_RECORD) {
                json.writeNumberField("record", problem.record());
            }
            // The message may quote the client.
            json.writeStringField("message", StrictJson.printable(problem.message()));
        });
    }

    /// Returns the name of a model's predictions.
    static String predictionName(Loss loss) {
        return areProbabilities(loss) ? "probabilities" : "values";
    }

    static boolean areProbabilities(Loss loss) {
        return switch (loss.link()) {
            case LOGIT, MULTINOMIAL_LOGIT -> true;
            case IDENTITY, LOG -> false;
        };
    }

    static byte[] predictions(Predictions predictions, Loss loss) {
        String name = predictionName(loss);
        return object(json -> {
            answeredBy(json, predictions.model(), predictions.epoch(), predictions.version(), predictions.offset(),
                    predictions.freshnessMs());
            json.writeArrayFieldStart("predictions");
            for (int event = 0; event < predictions.size(); event++) {
                json.writeStartObject();
                json.writeArrayFieldStart(name);
                for (int output = 0; output < predictions.outputs(); output++) {
                    json.writeNumber(predictions.probability(event, output));
                }
                json.writeEndArray();
                json.writeEndObject();
            }
            json.writeEndArray();
        });
    }

    /// Like `predictions`, with what each feature adds.
    ///
    /// @param explanations at least one, all by the same version
    static byte[] explanations(List<Explanation> explanations, Loss loss) {
        Prediction first = explanations.getFirst().prediction();
        return object(json -> {
            answeredBy(json, first.model(), first.epoch(), first.version(), first.offset(), first.freshnessMs());
            json.writeArrayFieldStart("predictions");
            for (Explanation explanation : explanations) {
                json.writeStartObject();
                floats(json, predictionName(loss), explanation.prediction().probabilities());
                floats(json, "logits", explanation.logits());
                floats(json, "baseline", explanation.baseline());
                json.writeArrayFieldStart("contributions");
                for (Explanation.Contribution each : explanation.contributions()) {
                    json.writeStartObject();
                    json.writeStringField("feature", each.kind());
                    json.writeArrayFieldStart("fields");
                    for (String field : each.fields()) {
                        json.writeString(field);
                    }
                    json.writeEndArray();
                    floats(json, "logits", each.logits());
                    json.writeEndObject();
                }
                json.writeEndArray();
                json.writeEndObject();
            }
            json.writeEndArray();
        });
    }

    /// Writes the origin of a response.
    private static void answeredBy(JsonGenerator json, String model, int epoch, long version, long offset,
            long freshnessMs) throws IOException {
        json.writeStringField("model", model);
        json.writeNumberField("epoch", epoch);
        json.writeNumberField("version", version);
        json.writeNumberField("offset", offset);
        freshness(json, freshnessMs);
    }

    private static void floats(JsonGenerator json, String name, float[] values) throws IOException {
        json.writeArrayFieldStart(name);
        for (float value : values) {
            json.writeNumber(value);
        }
        json.writeEndArray();
    }

    static byte[] models(Collection<String> models) {
        return object(json -> {
            json.writeArrayFieldStart("models");
            for (String model : models) {
                json.writeString(model);
            }
            json.writeEndArray();
        });
    }

    /// @param fields values that each field may hold, by field
    static byte[] model(ModelRouter asked, ServedVersion served, ScorerStatus status, Map<String, String> fields) {
        Scorer scorer = asked.live();
        // Hashed from the floats of the version that this response names, which may not be the current one any more.
        String weightsHash = served.weightsHash();
        return object(json -> {
            served(json, served, status);
            json.writeStringField("weights_hash", weightsHash);
            json.writeStringField("spec_fingerprint", HexFormat.of().formatHex(served.spec().fingerprint()));
            json.writeNumberField("numerics", served.manifest().numerics());
            json.writeNumberField("examples", served.manifest().examples());
            String loss = served.spec().classifies() ? "log_loss" : "mean_squared_error";
            metric(json, loss, served.manifest().logLoss());
            metric(json, "prior_" + loss, served.manifest().priorLogLoss());
            metric(json, "accuracy", served.manifest().accuracy());
            metric(json, "auc", served.manifest().auc());
            json.writeNumberField("admissions", scorer.admissions().count());
            json.writeArrayFieldStart("previous_versions");
            for (ServedVersion previous : scorer.previous()) {
                json.writeStartObject();
                json.writeStringField("model", previous.model());
                json.writeNumberField("epoch", previous.epoch());
                json.writeNumberField("version", previous.version());
                json.writeEndObject();
            }
            json.writeEndArray();
            candidates(json, asked);
            json.writeObjectFieldStart("fields");
            for (Map.Entry<String, String> field : fields.entrySet()) {
                json.writeStringField(field.getKey(), field.getValue());
            }
            json.writeEndObject();
        });
    }

    /// Writes the version, its freshness and the counts of refused snapshots.
    static void served(JsonGenerator json, ServedVersion served, ScorerStatus status) throws IOException {
        json.writeStringField("model", served.model());
        json.writeStringField("stage", status.control().stage());
        version(json, served);
        numbers(json, ScorerMeasures.FRESHNESS, status);
        refusals(json, "snapshots_refused", status);
    }

    static byte[] admissions(Scorer scorer, List<AdmissionLog.Entry> entries) {
        return object(json -> {
            json.writeStringField("model", scorer.model());
            json.writeNumberField("count", scorer.admissions().count());
            json.writeArrayFieldStart("admissions");
            for (AdmissionLog.Entry entry : entries) {
                json.writeStartObject();
                json.writeNumberField("sequence", entry.sequence());
                json.writeStringField("model", entry.model());
                json.writeNumberField("epoch", entry.epoch());
                json.writeNumberField("version", entry.version());
                json.writeNumberField("next_offset", entry.nextOffset());
                json.writeNumberField("admitted_at_ms", entry.admittedAtMillis());
                json.writeNumberField("newest_append_time_ms", entry.newestAppendTime());
                json.writeEndObject();
            }
            json.writeEndArray();
            refusals(json, "refused", scorer.status());
        });
    }

    /// @param requests the topic scorer; null if there is none
    static byte[] health(boolean live, boolean ready, Collection<ModelRouter> models, @Nullable TopicScorer requests) {
        return object(json -> {
            json.writeBooleanField("live", live);
            json.writeBooleanField("ready", ready);
            json.writeObjectFieldStart("models");
            for (ModelRouter model : models) {
                json.writeObjectFieldStart(model.name());
                health(json, model.live().status());
                candidates(json, model);
                json.writeEndObject();
            }
            json.writeEndObject();
            if (requests != null) {
                requests(json, requests.config(), requests.status());
            }
        });
    }

    private static void requests(JsonGenerator json, RequestsConfig config, TopicScorerStatus status)
            throws IOException {
        json.writeObjectFieldStart("requests");
        json.writeStringField("state", status.state().word());
        if (!status.detail().isEmpty()) {
            json.writeStringField("detail", StrictJson.printable(status.detail()));
        }
        json.writeStringField("topic", config.requests());
        json.writeStringField("predictions_topic", config.predictions());
        json.writeStringField("group", config.group());
        numbers(json, TopicScorerMeasures.PARTITIONS, status);
        json.writeObjectFieldStart("predictions");
        numbers(json, TopicScorerMeasures.predictions(status.predictions().keySet()), status);
        json.writeEndObject();
        json.writeObjectFieldStart("dead_letters");
        numbers(json, TopicScorerMeasures.deadLetters(status.deadLetters().keySet()), status);
        json.writeEndObject();
        numbers(json, TopicScorerMeasures.TOTALS, status);
        json.writeEndObject();
    }

    private static void health(JsonGenerator json, ScorerStatus status) throws IOException {
        json.writeBooleanField("ready", status.ready());
        ServedVersion served = status.served();
        if (served != null) {
            json.writeStringField("model", served.model());
        }
        json.writeStringField("stage", status.control().stage());
        if (served != null) {
            version(json, served);
        }
        numbers(json, ScorerMeasures.FRESHNESS, status);
        if (served != null) {
            json.writeStringField("source", served.isFromFile() ? "file" : "topic");
        }
        if (status.tooOld()) {
            json.writeBooleanField("too_old", true);
        }
        json.writeStringField("follower", status.follower());
        if (!status.followerDetail().isEmpty()) {
            json.writeStringField("follower_detail", StrictJson.printable(status.followerDetail()));
        }
        numbers(json, ScorerMeasures.FOLLOWING, status);
        refusals(json, "snapshots_refused", status);
        control(json, status.control());
    }

    /// Writes shadows and challengers of a name, or nothing if there are none.
    private static void candidates(JsonGenerator json, ModelRouter asked) throws IOException {
        if (asked.trials().isEmpty()) {
            return;
        }
        json.writeArrayFieldStart("candidates");
        for (ModelRouter.Trial tried : asked.trials()) {
            ScorerStatus status = tried.scorer().status();
            ServedVersion served = status.served();
            json.writeStartObject();
            json.writeStringField("model", tried.candidate().model());
            json.writeStringField("role", tried.candidate().role().name().toLowerCase(Locale.ROOT));
            if (tried.candidate().role() == Candidate.Role.CHALLENGER) {
                json.writeNumberField("share", tried.candidate().share() / (double) Candidate.WHOLE);
            }
            json.writeBooleanField("ready", status.ready());
            if (served != null) {
                version(json, served);
            }
            numbers(json, ScorerMeasures.FRESHNESS, status);
            json.writeStringField("follower", status.follower());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void control(JsonGenerator json, ControlStatus control) throws IOException {
        json.writeObjectFieldStart("control");
        numbers(json, ScorerMeasures.CONTROL, control);
        json.writeStringField("answered_by", control.model());
        json.writeNumberField("first_epoch", control.epoch());
        ControlAction.Rollback rollback = control.rollback();
        if (rollback != null) {
            json.writeObjectFieldStart("rolled_back_to");
            json.writeNumberField("epoch", rollback.base().epoch());
            json.writeNumberField("version", rollback.base().version());
            json.writeEndObject();
        }
        ControlRecord last = control.last();
        if (last != null) {
            json.writeObjectFieldStart("last");
            json.writeStringField("action", last.action().word());
            json.writeStringField("model", StrictJson.printable(last.model()));
            json.writeNumberField("time_ms", last.time());
            json.writeStringField("author", StrictJson.printable(last.author()));
            json.writeStringField("reason", StrictJson.printable(last.reason()));
            json.writeEndObject();
        }
        if (!control.lastUnreadable().isEmpty()) {
            json.writeStringField("last_unreadable", StrictJson.printable(control.lastUnreadable()));
        }
        if (!control.problem().isEmpty()) {
            json.writeStringField("problem", StrictJson.printable(control.problem()));
        }
        json.writeEndObject();
    }

    private static void refusals(JsonGenerator json, String name, ScorerStatus status) throws IOException {
        json.writeObjectFieldStart(name);
        numbers(json, ScorerMeasures.REFUSED, status);
        json.writeEndObject();
        Admission.Refused last = status.lastRefusal();
        if (last != null) {
            json.writeObjectFieldStart("last_refusal");
            json.writeNumberField("epoch", last.epoch());
            json.writeNumberField("version", last.version());
            json.writeStringField("reason", last.reason().code());
            json.writeStringField("message", StrictJson.printable(last.detail()));
            json.writeEndObject();
        }
    }

    private static void version(JsonGenerator json, ServedVersion served) throws IOException {
        numbers(json, ScorerMeasures.VERSION, served);
    }

    private static void freshness(JsonGenerator json, long freshnessMs) throws IOException {
        number(json, "freshness_ms", freshnessMs < 0 ? null : freshnessMs);
    }

    /// Writes the fields of measures.
    private static <S> void numbers(JsonGenerator json, Measures<S> measures, S state) throws IOException {
        Map<String, @Nullable Number> fields = new LinkedHashMap<>();
        measures.write(state, fields::put);
        for (Map.Entry<String, @Nullable Number> field : fields.entrySet()) {
            number(json, field.getKey(), field.getValue());
        }
    }

    private static void number(JsonGenerator json, String name, @Nullable Number value) throws IOException {
        if (value == null) {
            json.writeNullField(name);
        } else {
            json.writeNumberField(name, value.longValue());
        }
    }

    /// JSON has no NaN: a metric that doesn't apply is null.
    private static void metric(JsonGenerator json, String name, double value) throws IOException {
        if (Double.isFinite(value)) {
            json.writeNumberField(name, value);
        } else {
            json.writeNullField(name);
        }
    }
}
