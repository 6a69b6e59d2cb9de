package io.tidegrad.scorerapp;

import io.helidon.http.Header;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerResponse;
import io.tidegrad.control.Candidate;
import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ControlStatus;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.model.evaluation.MetricTask;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.AdmissionLog;
import io.tidegrad.scorer.Explanation;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Prediction;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerStatus;
import io.tidegrad.scorer.ServedLog;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorerapp.topic.RequestsConfig;
import io.tidegrad.scorerapp.topic.TopicScorer;
import io.tidegrad.scorerapp.topic.TopicScorerStatus;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// All JSON responses of this server; those of `/v2` are in `InferResponses`. Names are in snake case, times in epoch ms.
final class JsonResponses {
    private static final Header JSON_TYPE = HeaderValues.createCached(HeaderNames.CONTENT_TYPE, "application/json");

    private JsonResponses() {}

    static void send(ServerResponse response, Status status, byte[] json) {
        response.status(status).header(JSON_TYPE).send(json);
    }

    static byte[] problem(HttpProblem problem) {
        return JsonObject.of(json -> {
            json.put("reason", problem.reason().code());
            if (problem.record() != HttpProblem.NO_RECORD) {
                json.put("record", problem.record());
            }
            // The message may quote the client.
            json.put("message", StrictJson.printable(problem.message()));
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

    /// @param classes names of the classes, each at its index; empty if they have none
    /// @param ids of the events in the log; empty if they are not logged
    static byte[] predictions(Predictions predictions, ModelSpec spec, List<String> classes, List<String> ids) {
        String name = predictionName(spec.loss());
        int outputs = predictions.outputs();
        List<Integer> events = IntStream.range(0, predictions.size()).boxed().toList();
        return JsonObject.of(json -> {
            origin(json, predictions.model(), predictions.epoch(), predictions.version(), predictions.offset(),
                    predictions.freshnessMs());
            json.objects("predictions", events, (each, event) -> {
                int from = event * outputs;
                int to = from + predictions.numbers()[event];
                if (spec.label().isList()) {
                    each.floatLists(name, predictions.probabilities(), from, to, spec.outputs());
                    if (spec.loss() instanceof Ctc ctc) {
                        each.numbers("label", bestPath(ctc, predictions.probabilities(), from, to, spec.outputs()));
                    }
                } else {
                    each.floats(name, predictions.probabilities(), from, to);
                    if (!classes.isEmpty()) {
                        each.put("class",
                                classes.get(MetricTask.likeliest(predictions.probabilities(), from, classes.size())));
                    }
                }
            });
            if (spec.label().learnsClasses()) {
                json.strings("classes", classes);
            }
            ids(json, ids);
        });
    }

    private static List<Integer> bestPath(Ctc ctc, float[] probabilities, int from, int to, int classes) {
        int steps = (to - from) / classes;
        int[] path = new int[steps];
        int length = ctc.bestPath(probabilities, from, steps, classes, path);
        return Arrays.stream(path, 0, length).boxed().toList();
    }

    /// Like `predictions`, with what each feature adds.
    ///
    /// @param explanations at least one, all by the same version
    static byte[] explanations(List<Explanation> explanations, ModelSpec spec, List<String> classes, List<String> ids) {
        Prediction first = explanations.getFirst().prediction();
        return JsonObject.of(json -> {
            origin(json, first.model(), first.epoch(), first.version(), first.offset(), first.freshnessMs());
            json.objects("predictions", explanations, (each, explanation) -> {
                floats(each, predictionName(spec.loss()), explanation.prediction().probabilities());
                floats(each, "logits", explanation.logits());
                floats(each, "baseline", explanation.baseline());
                each.objects("contributions", explanation.contributions(), (feature, contribution) -> {
                    feature.put("feature", contribution.kind()).strings("fields", contribution.fields());
                    floats(feature, "logits", contribution.logits());
                });
            });
            if (spec.label().learnsClasses()) {
                json.strings("classes", classes);
            }
            ids(json, ids);
        });
    }

    private static void ids(JsonObject json, List<String> ids) {
        if (!ids.isEmpty()) {
            json.strings("ids", ids);
        }
    }

    private static void floats(JsonObject json, String name, float[] values) {
        json.floats(name, values, 0, values.length);
    }

    /// Writes which version made the predictions.
    private static void origin(JsonObject json, String model, int epoch, long version, long offset, long freshnessMs) {
        json.put("model", model).put("epoch", epoch).put("version", version).put("offset", offset);
        json.put("freshness_ms", freshnessMs < 0 ? null : (Long) freshnessMs);
    }

    static byte[] models(Collection<String> models) {
        return JsonObject.of(json -> json.strings("models", models));
    }

    /// @param fields values that each field may hold, by field
    static byte[] model(ModelRouter asked, ServedVersion served, ScorerStatus status, Map<String, String> fields) {
        Scorer scorer = asked.live();
        SnapshotManifest manifest = served.manifest();
        // Hashed from the floats of the version that this response names, which may not be the current one any more.
        String weightsHash = served.weightsHash();
        String loss = served.spec().classifies() ? "log_loss" : "mean_squared_error";
        return JsonObject.of(json -> {
            served(json, served, status);
            json.put("weights_hash", weightsHash)
                    .put("spec_fingerprint", HexFormat.of().formatHex(served.spec().fingerprint()))
                    .put("numerics", manifest.numerics()).put("examples", manifest.examples())
                    .put(loss, manifest.logLoss()).put("prior_" + loss, manifest.priorLogLoss())
                    .put("accuracy", manifest.accuracy()).put("auc", manifest.auc())
                    .put("admissions", scorer.admissions().count()).objects("previous_versions", scorer.previous(),
                            (each, previous) -> each.put("model", previous.model()).put("epoch", previous.epoch())
                                    .put("version", previous.version()));
            candidates(json, asked);
            json.put("fields", each -> fields.forEach(each::put));
        });
    }

    /// Writes the version, its freshness and the counts of refused snapshots.
    static void served(JsonObject json, ServedVersion served, ScorerStatus status) {
        json.put("model", served.model()).put("stage", status.control().stage());
        json.numbers(ScorerMeasures.VERSION, served).numbers(ScorerMeasures.FRESHNESS, status);
        refusals(json, "snapshots_refused", status);
    }

    static byte[] admissions(Scorer scorer, List<AdmissionLog.Entry> entries) {
        return JsonObject.of(json -> {
            json.put("model", scorer.model()).put("count", scorer.admissions().count()).objects("admissions", entries,
                    (each, entry) -> each.put("sequence", entry.sequence()).put("model", entry.model())
                            .put("epoch", entry.epoch()).put("version", entry.version())
                            .put("next_offset", entry.nextOffset()).put("admitted_at_ms", entry.admittedAtMillis())
                            .put("newest_append_time_ms", entry.newestAppendTime()));
            refusals(json, "refused", scorer.status());
        });
    }

    /// @param requests the topic scorer; null if there is none
    /// @param logs log of a name; null if it has none
    static byte[] health(boolean live, boolean ready, Collection<ModelRouter> models,
            Function<String, @Nullable ServedLog> logs, @Nullable TopicScorer requests) {
        return JsonObject.of(json -> {
            json.put("live", live).put("ready", ready).put("models",
                    byName -> models.forEach(model -> byName.put(model.name(), each -> {
                        health(each, model.live().status());
                        ServedLog log = logs.apply(model.name());
                        if (log != null) {
                            each.put("log", of -> log(of, log));
                        }
                        candidates(each, model);
                    })));
            if (requests != null) {
                json.put("requests", each -> requests(each, requests.config(), requests.status()));
            }
        });
    }

    private static void log(JsonObject json, ServedLog log) {
        json.put("topic", log.topic()).numbers(ScorerMeasures.LOG, log).put("lost",
                each -> each.numbers(ScorerMeasures.LOST, log));
        String problem = log.problem();
        if (!problem.isEmpty()) {
            json.put("problem", StrictJson.printable(problem));
        }
    }

    private static void requests(JsonObject json, RequestsConfig config, TopicScorerStatus status) {
        json.put("state", status.state().word());
        if (!status.detail().isEmpty()) {
            json.put("detail", StrictJson.printable(status.detail()));
        }
        json.put("topic", config.requests()).put("predictions_topic", config.predictions()).put("group", config.group())
                .numbers(TopicScorerMeasures.PARTITIONS, status)
                .put("predictions",
                        each -> each.numbers(TopicScorerMeasures.predictions(status.predictions().keySet()), status))
                .put("dead_letters",
                        each -> each.numbers(TopicScorerMeasures.deadLetters(status.deadLetters().keySet()), status))
                .numbers(TopicScorerMeasures.TOTALS, status);
    }

    private static void health(JsonObject json, ScorerStatus status) {
        json.put("ready", status.ready());
        ServedVersion served = status.served();
        if (served != null) {
            json.put("model", served.model());
        }
        json.put("stage", status.control().stage());
        if (served != null) {
            json.numbers(ScorerMeasures.VERSION, served);
        }
        json.numbers(ScorerMeasures.FRESHNESS, status);
        if (served != null) {
            json.put("source", served.isFromFile() ? "file" : "topic");
        }
        if (status.tooOld()) {
            json.put("too_old", true);
        }
        json.put("follower", status.follower());
        if (!status.followerDetail().isEmpty()) {
            json.put("follower_detail", StrictJson.printable(status.followerDetail()));
        }
        json.numbers(ScorerMeasures.FOLLOWING, status);
        refusals(json, "snapshots_refused", status);
        json.put("control", each -> control(each, status.control()));
    }

    /// Writes shadows and challengers of a name, or nothing if there are none.
    private static void candidates(JsonObject json, ModelRouter asked) {
        if (asked.trials().isEmpty()) {
            return;
        }
        json.objects("candidates", asked.trials(), (each, tried) -> {
            Candidate candidate = tried.candidate();
            ScorerStatus status = tried.scorer().status();
            ServedVersion served = status.served();
            each.put("model", candidate.model()).put("role", candidate.role().name().toLowerCase(Locale.ROOT));
            if (candidate.role() == Candidate.Role.CHALLENGER) {
                each.put("share", candidate.share() / (double) Candidate.WHOLE);
            }
            each.put("ready", status.ready());
            if (served != null) {
                each.numbers(ScorerMeasures.VERSION, served);
            }
            each.numbers(ScorerMeasures.FRESHNESS, status).put("follower", status.follower());
        });
    }

    private static void control(JsonObject json, ControlStatus control) {
        json.numbers(ScorerMeasures.CONTROL, control).put("answered_by", control.model()).put("first_epoch",
                control.epoch());
        ControlAction.Rollback rollback = control.rollback();
        if (rollback != null) {
            json.put("rolled_back_to",
                    base -> base.put("epoch", rollback.base().epoch()).put("version", rollback.base().version()));
        }
        ControlRecord last = control.last();
        if (last != null) {
            json.put("last",
                    each -> each.put("action", last.action().word()).put("model", StrictJson.printable(last.model()))
                            .put("time_ms", last.time()).put("author", StrictJson.printable(last.author()))
                            .put("reason", StrictJson.printable(last.reason())));
        }
        if (!control.lastUnreadable().isEmpty()) {
            json.put("last_unreadable", StrictJson.printable(control.lastUnreadable()));
        }
        if (!control.problem().isEmpty()) {
            json.put("problem", StrictJson.printable(control.problem()));
        }
    }

    private static void refusals(JsonObject json, String name, ScorerStatus status) {
        json.put(name, each -> each.numbers(ScorerMeasures.REFUSED, status));
        Verification.Refused last = status.lastRefusal();
        if (last != null) {
            json.put("last_refusal", each -> each.put("epoch", last.epoch()).put("version", last.version())
                    .put("reason", last.reason().code()).put("message", StrictJson.printable(last.detail())));
        }
    }
}
