package io.tidegrad.loadtests;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/// A stream at a mini-batch: what was measured of each subject, by repetition.
///
/// @param measurements by repetition
record Combination(EventLog log, int miniBatch, Map<Subject, List<Measurement>> measurements) {
    Combination(EventLog log, int miniBatch) {
        this(log, miniBatch, new EnumMap<>(Subject.class));
    }

    TrainStream stream() {
        return log.stream();
    }

    void add(Subject subject, Measurement measurement) {
        of(subject).add(measurement);
    }

    private List<Measurement> of(Subject subject) {
        return measurements.computeIfAbsent(subject, none -> new ArrayList<>());
    }

    /// By repetition: the trainer's rate over the slower of the two parts', measured in the same minute.
    double[] shares() {
        return shares(Subject.TRAINER,
                repetition -> Math.min(rate(Subject.CONSUMER, repetition), rate(Subject.ENGINE, repetition)));
    }

    /// By repetition: the replay's rate over the engine's.
    double[] replayShares() {
        return shares(Subject.REPLAY, repetition -> rate(Subject.ENGINE, repetition));
    }

    private double[] shares(Subject subject, IntToDoubleFunction bound) {
        return IntStream.range(0, of(subject).size())
                .mapToDouble(repetition -> rate(subject, repetition) / bound.applyAsDouble(repetition)).toArray();
    }

    private double rate(Subject subject, int repetition) {
        return of(subject).get(repetition).eventsPerSecond();
    }

    private double[] values(Subject subject, ToDoubleFunction<Measurement> value) {
        return of(subject).stream().mapToDouble(value).toArray();
    }

    /// The result of one subject, with the values of all repetitions.
    Result result(Subject subject) {
        Measurement last = of(subject).getLast();
        double[] rates = values(subject, Measurement::eventsPerSecond);
        Spread spread = Spread.of(rates);
        Result result = new Result().put("stream", stream().label()).put("mini_batch", miniBatch)
                .put("subject", Names.of(subject)).put("events", last.events()).put("events_per_s", spread.median())
                .put("events_per_s_least", spread.least()).put("events_per_s_most", spread.most())
                .put("events_per_s_all", rates).put("seconds_all", values(subject, Measurement::seconds))
                .put("cpu_us_per_event_all", values(subject, Measurement::cpuMicros))
                .put("broker_cpu_us_per_event_all", values(subject, Measurement::brokerCpuMicros));
        if (subject == Subject.TRAINER) {
            result.samples("ratio_to_slower", shares())
                    .samples("topic_bytes_of_event_bytes",
                            values(subject, each -> (double) each.topicBytes() / log.bytes()))
                    .samples("broker_writes_of_event_bytes", values(subject, each -> each.brokerBytes() / log.bytes()));
        }
        if (subject == Subject.REPLAY) {
            result.samples("ratio_to_engine", replayShares());
        }
        return subject == Subject.CONSUMER ? result
                : result.put("weights_hash", last.weightsHash()).put("state_hash", last.stateHash());
    }

    /// Checks that trainer and replay learned the same bits as the engine, so that the same work was measured.
    ///
    /// @throws LoadTestException one of them did not
    void requireEqualBits() {
        String expected = of(Subject.ENGINE).getLast().stateHash();
        for (Subject subject : List.of(Subject.TRAINER, Subject.REPLAY)) {
            String found = of(subject).getLast().stateHash();
            if (!expected.equals(found)) {
                throw new LoadTestException(stream().label() + ", mini-batch " + miniBatch
                        + ": expected the engine's state-hash " + expected + " of the " + Names.of(subject) + ", found "
                        + found + ": they did not learn the same rows");
            }
        }
    }
}
