package io.tidegrad.loadtests;

import io.tidegrad.localstack.streams.ShippedStream;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/// A stream at a mini-batch: what was measured of each subject, by repetition.
final class Combination {
    private final EventLog log;
    private final int miniBatch;
    private final Map<Subject, List<Measurement>> measurements = new EnumMap<>(Subject.class);

    Combination(EventLog log, int miniBatch) {
        this.log = log;
        this.miniBatch = miniBatch;
    }

    EventLog log() {
        return log;
    }

    ShippedStream stream() {
        return log.stream();
    }

    int miniBatch() {
        return miniBatch;
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
        double[] shares = new double[of(Subject.TRAINER).size()];
        for (int repetition = 0; repetition < shares.length; repetition++) {
            shares[repetition] = rate(Subject.TRAINER, repetition)
                    / Math.min(rate(Subject.CONSUMER, repetition), rate(Subject.ENGINE, repetition));
        }
        return shares;
    }

    /// By repetition: the replay's rate over the engine's.
    double[] replayShares() {
        double[] shares = new double[of(Subject.REPLAY).size()];
        for (int repetition = 0; repetition < shares.length; repetition++) {
            shares[repetition] = rate(Subject.REPLAY, repetition) / rate(Subject.ENGINE, repetition);
        }
        return shares;
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
