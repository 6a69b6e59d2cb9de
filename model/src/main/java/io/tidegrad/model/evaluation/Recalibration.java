package io.tidegrad.model.evaluation;

/// How likely it is what a model's probabilities are said of, by labels that have come: first a line through log-odds (Platt
/// 1999), which holds for probabilities that are too sure or not sure enough, then what the tenths of its result still miss
/// ([Calibration#calibrated]), which holds for every other shape.
///
/// The line a + b·log(p / (1 - p)) has the least log loss, plus 5·(a² + (b - 1)²), so that few labels move it little.
final class Recalibration {
    private static final double PENALTY = 10;
    private static final int STEPS_MAX = 50;
    private static final int HALVINGS_MAX = 30;
    private static final double ENOUGH = 1e-9; // a step that is no longer worth it

    private final double[] odds; // logarithms
    private final boolean[] actual;
    private final double[] weights;
    private int size;
    private double a;
    private double b = 1;
    private final Calibration rest = new Calibration();

    /// @param capacity labels at most
    Recalibration(int capacity) {
        odds = new double[capacity];
        actual = new boolean[capacity];
        weights = new double[capacity];
    }

    void add(double probability, boolean happened, double weight) {
        odds[size] = odds(probability);
        actual[size] = happened;
        weights[size] = weight;
        size++;
    }

    /// Ends what `add` began.
    Recalibration fitted() {
        double loss = loss(a, b);
        for (int step = 0; step < STEPS_MAX; step++) {
            double ofA = PENALTY * a;
            double ofB = PENALTY * (b - 1);
            double aa = PENALTY;
            double ab = 0;
            double bb = PENALTY;
            for (int i = 0; i < size; i++) {
                double p = sigmoid(a + b * odds[i]);
                double slope = weights[i] * (p - (actual[i] ? 1 : 0));
                double curve = weights[i] * p * (1 - p);
                ofA += slope;
                ofB += slope * odds[i];
                aa += curve;
                ab += curve * odds[i];
                bb += curve * odds[i] * odds[i];
            }
            double determinant = aa * bb - ab * ab;
            double byA = (bb * ofA - ab * ofB) / determinant;
            double byB = (aa * ofB - ab * ofA) / determinant;
            int halvings = 0;
            double next = loss(a - byA, b - byB);
            while (!(next <= loss) && halvings++ < HALVINGS_MAX) {
                byA /= 2;
                byB /= 2;
                next = loss(a - byA, b - byB);
            }
            if (!(next <= loss)) {
                break;
            }
            a -= byA;
            b -= byB;
            loss = next;
            if (Math.abs(byA) + Math.abs(byB) < ENOUGH) {
                break;
            }
        }
        for (int i = 0; i < size; i++) {
            double p = sigmoid(a + b * odds[i]);
            rest.add(p, weights[i], weights[i] * p, actual[i] ? weights[i] : 0);
        }
        return this;
    }

    private double loss(double byA, double byB) {
        double sum = 0.5 * PENALTY * (byA * byA + (byB - 1) * (byB - 1));
        for (int i = 0; i < size; i++) {
            double z = byA + byB * odds[i];
            double against = actual[i] ? -z : z; // log(1 + e^against), without an overflow
            sum += weights[i] * (Math.max(0, against) + StrictMath.log1p(StrictMath.exp(-Math.abs(against))));
        }
        return sum;
    }

    private static double odds(double probability) {
        double held = Math.clamp(probability, Float.MIN_NORMAL, 1 - MetricSums.LEAST_REST);
        return StrictMath.log(held / (1 - held));
    }

    private static double sigmoid(double z) {
        return 1 / (1 + StrictMath.exp(-z));
    }

    /// Returns how likely it is what this probability is said of.
    double of(double probability) {
        return rest.calibrated(sigmoid(a + b * odds(probability)));
    }
}
