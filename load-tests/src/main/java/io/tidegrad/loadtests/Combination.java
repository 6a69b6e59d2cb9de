package io.tidegrad.loadtests;

import io.tidegrad.localstack.streams.ShippedStream;
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

    ShippedStream stream() {
        return log.stream();
    }

    void add(Subject subject, Measurement measurement) {
        of(subject).add(measurement);
    }

    List<Measurement> of(Subject subject) {
        return measurements.computeIfAbsent(subject, none -> new ArrayList<>());
    }

    Spread spread(Subject subject, ToDoubleFunction<Measurement> value) {
        return Spread.of(of(subject).stream().mapToDouble(value).toArray());
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

    /// Trainer and replay have learned what the engine has, bit for bit: what was measured is the same work.
    ///
    /// @throws LoadTestException one of them has not
    void requireEqualBits() {
        requireEqualBits(Subject.TRAINER);
        requireEqualBits(Subject.REPLAY);
    }

    private void requireEqualBits(Subject subject) {
        Measurement engine = of(Subject.ENGINE).getLast();
        Measurement measured = of(subject).getLast();
        if (!engine.stateHash().equals(measured.stateHash())) {
            throw new LoadTestException(stream().label() + ", mini-batch " + miniBatch
                    + ": expected the engine's state-hash " + engine.stateHash() + " of the " + subject.label()
                    + ", found " + measured.stateHash() + ": they did not learn the same rows");
        }
    }
}
