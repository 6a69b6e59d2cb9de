package io.tidegrad.scorerapp;

import static io.tidegrad.ops.measure.Measure.gauge;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.tidegrad.ops.measure.Measure;
import io.tidegrad.ops.measure.Measures;
import io.tidegrad.scorerapp.topic.TopicScorer;
import io.tidegrad.scorerapp.topic.TopicScorerStatus;
import java.util.Collection;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Every number about scoring from topic to topic, in `/health` and in `/metrics`; the list is in
/// `docs/operations/watch.md`. All series exist from the start, at 0: an alarm on an increase would not see one that
/// begins at 1.
final class TopicScorerMeasures {
    static final Measures<TopicScorerStatus> PARTITIONS = Measures.of(
            Measure.<TopicScorerStatus>gauge(series("partitions"), "Partitions that are answered here",
                    TopicScorerStatus::partitions).field("partitions"),
            Measure.<TopicScorerStatus>gauge(series("lag.offsets"), "Records in these that are not answered yet",
                    TopicScorerStatus::lag).field("lag"),
            gauge(series("running"), "1 while requests of the topic are answered",
                    status -> status.state() == TopicScorerStatus.State.RUNNING ? 1 : 0));

    private static final String TRANSACTIONS = "Transactions of answers and offsets";
    static final Measures<TopicScorerStatus> TOTALS = Measures.of(
            counter("transactions", TRANSACTIONS, TopicScorerStatus::committed).label("outcome", "committed")
                    .field("transactions_committed"),
            counter("transactions", TRANSACTIONS, TopicScorerStatus::aborted).label("outcome", "aborted")
                    .field("transactions_aborted"),
            counter("lost.offsets", "Requests that were deleted before they were read", TopicScorerStatus::lost)
                    .field("lost"),
            counter("logged.events", "Requests of the topic that are in the log of what is served",
                    TopicScorerStatus::logged).optionalField("logged", ScorerMeasures::unlessZero));

    private TopicScorerMeasures() {}

    private static String series(String name) {
        return "tidegrad.scorer.requests.topic." + name;
    }

    private static Measure<TopicScorerStatus> counter(String name, String help,
            Function<TopicScorerStatus, @Nullable Number> value) {
        return Measure.counter(series(name), help, value);
    }

    /// Returns one measure for each model. Only counts that are not 0 have a field.
    static Measures<TopicScorerStatus> predictions(Collection<String> models) {
        return new Measures<>(models.stream()
                .map(model -> counter("predictions", "Requests of the topic that were answered",
                        status -> status.predictions().getOrDefault(model, 0L)).label("model", model)
                        .optionalField(model, ScorerMeasures::unlessZero))
                .toList());
    }

    /// Returns one measure for each reason. Only counts that are not 0 have a field.
    static Measures<TopicScorerStatus> deadLetters(Collection<String> reasons) {
        return new Measures<>(reasons.stream()
                .map(reason -> counter("dead.letters", "Requests of the topic that can't be answered",
                        status -> status.deadLetters().getOrDefault(reason, 0L)).label("reason", reason)
                        .optionalField(reason, ScorerMeasures::unlessZero))
                .toList());
    }

    /// Adds the series to `/metrics`.
    static void register(TopicScorer scorer, MeterRegistry registry) {
        TopicScorerStatus first = scorer.status();
        PARTITIONS.register(registry, Tags.empty(), scorer, TopicScorer::status);
        TOTALS.register(registry, Tags.empty(), scorer, TopicScorer::status);
        predictions(first.predictions().keySet()).register(registry, Tags.empty(), scorer, TopicScorer::status);
        deadLetters(first.deadLetters().keySet()).register(registry, Tags.empty(), scorer, TopicScorer::status);
    }
}
