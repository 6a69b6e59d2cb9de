package io.tidegrad.replay.backtest;

import io.tidegrad.model.evaluation.MetricSums;
import io.tidegrad.model.evaluation.MetricTask;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Predictions beside what came: their error over all examples, and a sample of these: of yes or no, the probability of yes and the share of yes;
/// of more classes, the likeliest one's probability and the share of hits (the reliability diagram, Guo et al. 2017, "On
/// calibration of modern neural networks"); of numbers, prediction and number. Margins and lists have none.
///
/// An example is in the sample if the first bits of its number times 2^64 / φ are 0, which spreads the sample evenly and
/// depends on nothing else.
public final class CalibrationSample {
    private static final int SAMPLE_MAX = 40_000;
    private static final int GROUPS = 20;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    /// Examples with about the same prediction.
    ///
    /// @param predicted mean prediction
    /// @param came mean of what came
    public record Group(double predicted, double came, int examples) {
    }

    private record Pair(long example, double predicted, double came) {
    }

    private final MetricTask task;
    private final boolean has;
    private final MetricSums sums;
    private int bits;
    private List<Pair> sample = new ArrayList<>();

    CalibrationSample(ModelSpec spec) {
        task = MetricTask.of(spec);
        sums = new MetricSums(task, false, false);
        has = switch (task.kind()) {
            case BINARY, CATEGORICAL, REGRESSION -> true;
            case MARGIN, STEPS, SEQUENCE -> false;
        };
    }

    private boolean isIn(long example) {
        return bits == 0 || example * GOLDEN >>> 64 - bits == 0;
    }

    void add(long example, float[] predictions, int at, float label, float weight) {
        if (!has) {
            return;
        }
        if (task.givesProbabilities()) {
            sums.add(predictions, at, label, weight, 1);
        }
        if (!isIn(example)) {
            return;
        }
        if (task.kind() == MetricTask.Kind.CATEGORICAL) {
            int likeliest = task.likeliest(predictions, at);
            sample.add(new Pair(example, predictions[at + likeliest], likeliest == (int) label ? 1 : 0));
        } else {
            sample.add(new Pair(example, predictions[at + task.point()], label));
        }
        if (sample.size() == SAMPLE_MAX) {
            bits++;
            sample = new ArrayList<>(sample.stream().filter(pair -> isIn(pair.example)).toList());
        }
    }

    /// The expected calibration error over all examples, by their weights ([MetricSums#calibrationError]); NaN unless
    /// predictions are probabilities of one label.
    public double error() {
        return sums.calibrationError();
    }

    /// Groups of as many examples each, by ascending prediction; empty without examples.
    public List<Group> groups() {
        List<Pair> pairs = sample.stream()
                .sorted(Comparator.comparingDouble(Pair::predicted).thenComparingLong(Pair::example)).toList();
        int groups = Math.min(GROUPS, pairs.size());
        List<Group> made = new ArrayList<>();
        for (int i = 0; i < groups; i++) {
            List<Pair> group = pairs.subList((int) ((long) i * pairs.size() / groups),
                    (int) ((long) (i + 1) * pairs.size() / groups));
            made.add(new Group(group.stream().mapToDouble(Pair::predicted).average().orElseThrow(),
                    group.stream().mapToDouble(Pair::came).average().orElseThrow(), group.size()));
        }
        return made;
    }

    /// How many examples the groups are made of.
    public int examples() {
        return sample.size();
    }

    /// What the axis of predictions is called.
    public String predicted() {
        return switch (task.kind()) {
            case BINARY -> "predicted probability";
            case CATEGORICAL -> "probability of the likeliest class";
            default -> "prediction";
        };
    }

    /// What the axis of what came is called.
    public String came() {
        return switch (task.kind()) {
            case BINARY -> "share of yes";
            case CATEGORICAL -> "share of hits";
            default -> "mean label";
        };
    }
}
