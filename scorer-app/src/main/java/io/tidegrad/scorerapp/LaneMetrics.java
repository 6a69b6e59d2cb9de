package io.tidegrad.scorerapp;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.tidegrad.scorerapp.topic.TopicScorerStatus;
import io.tidegrad.scorerapp.topic.TopicScorer;
import java.util.function.ToDoubleFunction;

/// What Prometheus reads about scoring from topic to topic; the list is in `docs/operations/watch.md`. All series are
/// there from the start, at 0: an alarm on an increase would not see one that begins at 1.
final class LaneMetrics implements MeterBinder {
    private static final String PREFIX = "tidegrad.scorer.requests.topic.";

    private final TopicScorer lane;

    LaneMetrics(TopicScorer lane) {
        this.lane = lane;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        TopicScorerStatus first = lane.status();
        for (String model : first.predictions().keySet()) {
            counter(registry, "predictions", Tags.of("model", model), "Requests of the topic that were answered",
                    status -> status.predictions().getOrDefault(model, 0L));
        }
        for (String reason : first.deadLetters().keySet()) {
            counter(registry, "dead.letters", Tags.of("reason", reason), "Requests of the topic that can't be answered",
                    status -> status.deadLetters().getOrDefault(reason, 0L));
        }
        counter(registry, "transactions", Tags.of("outcome", "committed"), "Transactions of answers and offsets",
                TopicScorerStatus::committed);
        counter(registry, "transactions", Tags.of("outcome", "aborted"), "Transactions of answers and offsets",
                TopicScorerStatus::aborted);
        counter(registry, "lost", Tags.empty(), "Requests that were deleted before they were read",
                TopicScorerStatus::lost);
        gauge(registry, "running", "1 while requests of the topic are answered",
                status -> status.state() == TopicScorerStatus.State.RUNNING ? 1 : 0);
        gauge(registry, "partitions", "Partitions that are answered here", TopicScorerStatus::partitions);
        gauge(registry, "lag", "Records in these that are not answered yet", TopicScorerStatus::lag);
    }

    private void counter(MeterRegistry registry, String name, Tags tags, String help,
            ToDoubleFunction<TopicScorerStatus> value) {
        FunctionCounter.builder(PREFIX + name, lane, of -> value.applyAsDouble(of.status())).description(help)
                .tags(tags).register(registry);
    }

    private void gauge(MeterRegistry registry, String name, String help, ToDoubleFunction<TopicScorerStatus> value) {
        Gauge.builder(PREFIX + name, lane, of -> value.applyAsDouble(of.status())).description(help).register(registry);
    }
}
