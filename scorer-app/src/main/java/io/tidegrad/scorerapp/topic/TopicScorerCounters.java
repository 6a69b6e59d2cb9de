package io.tidegrad.scorerapp.topic;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

/// Counters of a topic scorer: written by its thread, read by any.
final class TopicScorerCounters {
    private final Map<String, LongAdder> predictions;
    private final Map<String, LongAdder> deadLetters = adders(RequestFault.codes());
    private final LongAdder committed = new LongAdder();
    private final LongAdder aborted = new LongAdder();
    private final LongAdder lost = new LongAdder();
    private final LongAdder logged = new LongAdder();
    private volatile int partitions;
    private volatile long lag;

    TopicScorerCounters(Collection<String> models) {
        predictions = adders(models);
    }

    private static Map<String, LongAdder> adders(Collection<String> names) {
        Map<String, LongAdder> adders = new LinkedHashMap<>();
        names.forEach(name -> adders.put(name, new LongAdder()));
        return adders;
    }

    /// Counts a committed transaction with these outcomes.
    void committed(List<Outcome> outcomes) {
        for (Outcome outcome : outcomes) {
            switch (outcome) {
                case Outcome.Scored scored -> {
                    Objects.requireNonNull(predictions.get(scored.model())).increment();
                    if (scored.logged() != null) {
                        logged.increment();
                    }
                }
                case Outcome.Refused refused -> Objects.requireNonNull(deadLetters.get(refused.reason())).increment();
            }
        }
        committed.increment();
    }

    void aborted() {
        aborted.increment();
    }

    void lost(long requests) {
        lost.add(requests);
    }

    void holds(int assigned, long behind) {
        partitions = assigned;
        lag = behind;
    }

    long committed() {
        return committed.sum();
    }

    boolean hasCommitted() {
        return committed() > 0;
    }

    TopicScorerStatus status(TopicScorerStatus.State state, String detail) {
        return new TopicScorerStatus(state, detail, partitions, lag, sums(predictions), sums(deadLetters),
                committed.sum(), aborted.sum(), lost.sum(), logged.sum());
    }

    private static Map<String, Long> sums(Map<String, LongAdder> adders) {
        Map<String, Long> sums = new LinkedHashMap<>();
        adders.forEach((name, adder) -> sums.put(name, adder.sum()));
        return sums;
    }
}
