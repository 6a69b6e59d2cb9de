package io.tidegrad.engine.testing;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.engine.loss.Reduction;
import java.util.List;
import java.util.Random;
import java.util.stream.DoubleStream;

/// Losses of every kind with every option, and labels that fit them.
public final class RandomLosses {
    /// In `draw`; those from `ELEMENTWISE` on need two classes.
    private static final int ELEMENTWISE = 9;

    private static final int KINDS = 13;
    private static final int IGNORED = -100;

    private final Random random;

    public RandomLosses(Random random) {
        this.random = random;
    }

    public Reduction reduction() {
        return Reduction.values()[random.nextInt(Reduction.values().length)];
    }

    /// One that compares rows of lines of this width.
    public Loss draw(int lines, int width) {
        return switch (random.nextInt(width < 2 ? ELEMENTWISE : KINDS)) {
            case 0 -> new BinaryCrossEntropy();
            case 1 -> new BinaryCrossEntropy(positive(random.nextBoolean() ? 1 : width));
            case 2 -> new MeanSquaredError();
            case 3 -> new MeanAbsoluteError();
            case 4 -> new Huber(0.1 + random.nextDouble());
            case 5 -> new Hinge();
            case 6 -> new Poisson();
            case 7 -> new Poisson(false, 1e-3);
            case 8 -> new Quantile(positive(width).stream().map(q -> Math.min(0.9, q / 2)).toList());
            case 9 -> new Ctc(random.nextInt(width), lines, random.nextBoolean(), true);
            case 10 -> new CategoricalCrossEntropy(random.nextBoolean());
            case 11 -> new CategoricalCrossEntropy(true, random.nextBoolean(), smoothing(), List.of(), null);
            default -> new CategoricalCrossEntropy(false, random.nextBoolean(), smoothing(),
                    random.nextBoolean() ? positive(width) : List.of(), random.nextBoolean() ? IGNORED : null);
        };
    }

    private double smoothing() {
        return random.nextBoolean() ? 0 : 0.3 * random.nextDouble();
    }

    private List<Double> positive(int count) {
        return DoubleStream.generate(() -> 0.1 + 1.9 * random.nextDouble()).limit(count).boxed().toList();
    }

    /// Whether what the loss compares must be above 0: probabilities and rates.
    public static boolean readsPositives(Loss loss) {
        return loss instanceof Poisson poisson && !poisson.logInput()
                || loss instanceof CategoricalCrossEntropy classes && !classes.fromLogits();
    }

    /// Writes one row's labels.
    public void labels(Loss loss, int lines, int width, float[] labels, int at) {
        Integer ignored = loss instanceof CategoricalCrossEntropy c ? c.ignoreIndex() : null;
        for (int i = 0; i < loss.labels(lines, width); i++) {
            labels[at + i] = switch (loss) {
                case BinaryCrossEntropy b -> random.nextBoolean() ? random.nextInt(2) : random.nextFloat();
                case Hinge h -> random.nextBoolean() ? 1 : -1;
                case Poisson p -> random.nextInt(4);
                case MeanSquaredError m -> gaussian();
                case MeanAbsoluteError m -> gaussian();
                case Huber h -> gaussian();
                case Quantile q -> gaussian();
                case CategoricalCrossEntropy c when c.oneHot() -> i % width == 0 ? 1 : 0; // shared out below
                case CategoricalCrossEntropy c ->
                    ignored != null && random.nextInt(3) == 0 ? ignored : random.nextInt(width);
                case FakeNegativeWeighted f -> i == 0 ? random.nextInt(2) : random.nextInt(3) - 1;
                case Ctc c -> (c.blank() + 1 + random.nextInt(width - 1)) % width;
            };
        }
        if (loss instanceof CategoricalCrossEntropy classes && classes.oneHot()) {
            for (int line = 0; line < lines; line++) {
                float share = random.nextFloat();
                int other = at + line * width + random.nextInt(width);
                labels[at + line * width] -= share;
                labels[other] += share;
            }
        }
        if (loss instanceof Ctc ctc) {
            labels[at + ctc.labelsMax()] = random.nextInt(ctc.labelsMax() + 1);
            labels[at + ctc.labelsMax() + 1] = 1 + random.nextInt(lines);
        }
    }

    private float gaussian() {
        return (float) random.nextGaussian();
    }
}
