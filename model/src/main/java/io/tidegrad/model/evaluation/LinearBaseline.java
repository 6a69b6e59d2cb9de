package io.tidegrad.model.evaluation;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.RowLayout;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A linear model that learns the same rows in step, so that everybody sees what a network adds to it: logistic regression,
/// softmax regression, or of numbers least squares, by AdaGrad (Duchi et al. 2011), one row at a time.
///
/// It reads every number of a row, less the mean so far and over the deviation so far, and every id. What an id is worth
/// depends on its position; ids share weights by their hash, because each commit writes these. Weights of bags, the order
/// of steps, histories and crosses of what is learned are left out. It needs no setting, and changes nothing of the model.
///
/// There is none for sequences of labels, for more than 16 classes, and for rows of more than 256 numbers or ids.
final class LinearBaseline {
    private static final int OUTPUTS_MAX = 16;
    private static final int INPUTS_MAX = 256;
    private static final int HASHED_BITS = 10; // 1,024 weights for ids, of each output
    private static final int HASHED_BITS_OF_CLASSES = 8;
    private static final int HASH = 0x9E3779B9; // Knuth's multiplicative hash: the golden ratio of 2^32
    private static final double RATE = 0.1;
    private static final double FURTHEST = 5; // deviations from the mean: what lies further counts as this
    private static final double LEAST_REST = 0x1p-25; // as of the model's own log loss

    private final MetricTask task;
    private final int rowNumbers; // with those that are left out
    private final int rowIds;
    private final int outputs;
    private final int[] columns; // of the numbers that it reads
    private final int numbers;
    private final int bits;
    private final int[] ids; // that it reads
    private final int[] length; // by id: the id that says how many there are, -1 where there is always one
    private final int[] order; // by id: how many of its feature stand before it
    private final int[] position; // by id: what tells its values from those of other ids
    private final int width; // weights of an output
    private final float[] weights; // of each output: the constant, numbers, hashed ids
    private final float[] squares; // sums of squared gradients
    private final double[] means; // of numbers, and of a numeric label
    private final double[] spreads; // sums of squared distances from them
    private long rows;

    private final float[] losses = new float[RecentEvaluation.WINDOW]; // a ring, times the row's weight
    private final float[] counted = new float[RecentEvaluation.WINDOW]; // weights of rows
    private int size;
    private int next;
    private float newestScore = Float.NaN; // of yes, by which what was lost was counted last
    private double lossSum; // of all, since counting began
    private double total;

    private final int[] at; // of the row: where the weights of its values are
    private final double[] inputs; // what the first of these are; the others are 1
    private final double[] scores;
    private int valued;
    private int active;

    private LinearBaseline(ModelSpec spec, MetricTask task) {
        this.task = task;
        rowNumbers = spec.layout().numbers();
        rowIds = spec.layout().ids();
        outputs = task.kind() == MetricTask.Kind.CATEGORICAL ? task.outputs() : 1;
        columns = columns(spec);
        numbers = columns.length;
        bits = outputs == 1 ? HASHED_BITS : HASHED_BITS_OF_CLASSES;
        length = new int[rowIds];
        order = new int[rowIds];
        position = new int[rowIds];
        place(spec);
        ids = IntStream.range(0, rowIds).filter(id -> position[id] >= 0).toArray();
        width = 1 + numbers + (1 << bits);
        weights = new float[outputs * width];
        squares = new float[outputs * width];
        means = new double[numbers + 1];
        spreads = new double[numbers + 1];
        inputs = new double[1 + numbers];
        at = new int[inputs.length + ids.length];
        scores = new double[outputs];
    }

    /// One that has learned what another one has, which learns no more, and has counted nothing.
    private LinearBaseline(LinearBaseline learned) {
        task = learned.task;
        rowNumbers = learned.rowNumbers;
        rowIds = learned.rowIds;
        outputs = learned.outputs;
        columns = learned.columns;
        numbers = learned.numbers;
        bits = learned.bits;
        ids = learned.ids;
        width = learned.width;
        length = learned.length;
        order = learned.order;
        position = learned.position;
        weights = learned.weights;
        squares = learned.squares;
        means = learned.means;
        spreads = learned.spreads;
        rows = learned.rows;
        inputs = learned.inputs;
        at = learned.at;
        scores = learned.scores;
    }

    /// Returns a baseline that has learned nothing; null if there is none for this spec.
    static @Nullable LinearBaseline of(ModelSpec spec, MetricTask task) {
        boolean isTask = switch (task.kind()) {
            case BINARY, MARGIN, REGRESSION -> true;
            case CATEGORICAL -> task.outputs() <= OUTPUTS_MAX;
            case STEPS, SEQUENCE -> false;
        };
        return isTask && columns(spec).length <= INPUTS_MAX && spec.layout().ids() <= INPUTS_MAX
                ? new LinearBaseline(spec, task) : null;
    }

    /// The columns of the numbers that it reads: raw and scaled ones, then those that the model has in buckets.
    private static int[] columns(ModelSpec spec) {
        RowLayout layout = spec.layout();
        return IntStream
                .concat(IntStream.range(0, layout.rawNumbers() + layout.scaledNumbers()),
                        IntStream.range(0, spec.features().size())
                                .filter(i -> spec.features().get(i) instanceof Feature.Quantiles).map(layout::numberAt))
                .toArray();
    }

    private void place(ModelSpec spec) {
        Arrays.fill(length, -1);
        Arrays.fill(position, -1);
        for (int i = 0; i < spec.features().size(); i++) {
            Feature feature = spec.features().get(i);
            int from = spec.layout().idAt(i);
            int lengthAt = spec.layout().lengthAt(i);
            if (feature instanceof Feature.History) {
                continue; // its ids are places in a memory that a baseline lacks
            }
            if (feature instanceof Feature.Cross cross && !cross.learned().isEmpty()) {
                continue; // its ids say which category it is only with what the model has learned
            }
            if (feature instanceof Feature.Vocabulary) {
                position[from] = from; // the other id is more of the same hash
                continue;
            }
            int until = i + 1 < spec.features().size() ? spec.layout().idAt(i + 1) : rowIds;
            for (int id = from; id < until; id++) {
                if (id != lengthAt) {
                    length[id] = lengthAt;
                    order[id] = id - from;
                    position[id] = feature instanceof Feature.Bag ? from : id;
                }
            }
        }
    }

    /// Returns room for what it says of a row whose label comes later.
    double[] newPrediction() {
        return new double[outputs];
    }

    /// Predicts a row whose label comes later.
    ///
    /// @param into scores, or of numbers the number
    void predict(Batch batch, int row, double[] into) {
        score(batch, row);
        for (int output = 0; output < outputs; output++) {
            into[output] = task.kind() == MetricTask.Kind.REGRESSION ? number() : scores[output];
        }
    }

    /// Learns a row, and counts what was lost by the prediction that was made for it.
    ///
    /// @param label as the model's own
    /// @param made by `predict`; null: it is predicted now
    void learn(Batch batch, int row, float label, float weight, double @Nullable [] made) {
        double lost = made == null ? Double.NaN : lost(made, label);
        score(batch, row);
        newestScore = (float) (made == null ? scores[0] : made[0]);
        double now = slope(label);
        count(made == null ? now : lost, weight);
        for (int i = 0; i < numbers; i++) {
            moment(i, batch.numbers[row * rowNumbers + columns[i]]);
        }
        for (int output = 0; output < outputs; output++) {
            step(output * width, weight * scores[output]);
        }
        if (task.kind() == MetricTask.Kind.REGRESSION) {
            moment(numbers, label);
        }
        rows++;
    }

    private double lost(double[] made, float label) {
        if (task.kind() == MetricTask.Kind.REGRESSION) {
            return (made[0] - label) * (made[0] - label);
        }
        System.arraycopy(made, 0, scores, 0, outputs);
        return slope(label);
    }

    private void score(Batch batch, int row) {
        read(batch.numbers, row * rowNumbers, batch.ids, row * rowIds);
        for (int output = 0; output < outputs; output++) {
            int base = output * width;
            double score = 0;
            for (int i = 0; i < valued; i++) {
                score += weights[base + at[i]] * inputs[i];
            }
            for (int i = valued; i < active; i++) {
                score += weights[base + at[i]];
            }
            scores[output] = score;
        }
    }

    /// The number that the score says.
    private double number() {
        return means[numbers] + deviation(numbers) * scores[0];
    }

    private double deviation(int of) {
        return Math.sqrt(spreads[of] / Math.max(1, rows));
    }

    private void read(float[] from, int numberAt, int[] found, int idAt) {
        inputs[0] = 1;
        at[0] = 0;
        active = 1;
        for (int i = 0; i < numbers; i++) {
            double deviation = deviation(i);
            if (deviation > 0) {
                inputs[active] =
                        Math.max(-FURTHEST, Math.min(FURTHEST, (from[numberAt + columns[i]] - means[i]) / deviation));
                at[active++] = 1 + i;
            }
        }
        valued = active;
        for (int id : ids) {
            if (length[id] < 0 || order[id] < found[idAt + length[id]]) {
                int hash = (found[idAt + id] * HASH + position[id]) * HASH;
                at[active++] = 1 + numbers + (hash >>> 32 - bits);
            }
        }
    }

    /// Running mean and squared distances, after Welford (1962).
    private void moment(int of, double value) {
        double distance = value - means[of];
        means[of] += distance / (rows + 1);
        spreads[of] += distance * (value - means[of]);
    }

    /// Turns scores into the loss's slopes by them. Returns what the row loses: log loss, of margins 1 for the wrong side, of
    /// numbers the squared error.
    private double slope(float label) {
        switch (task.kind()) {
            case BINARY, MARGIN -> {
                double p = 1 / (1 + Fdlibm.exp(-scores[0]));
                boolean isRight = scores[0] > 0 == label > 0;
                double yes = Math.max(label, 0); // 0 or 1: a branch would be mispredicted whenever a label surprises
                scores[0] = p - yes;
                return task.kind() == MetricTask.Kind.MARGIN ? isRight ? 0 : 1
                        : -Fdlibm.log(Math.max(yes * p + (1 - yes) * (1 - p), LEAST_REST));
            }
            case CATEGORICAL -> {
                double most = Double.NEGATIVE_INFINITY;
                for (double score : scores) {
                    most = Math.max(most, score);
                }
                double sum = 0;
                for (int output = 0; output < outputs; output++) {
                    scores[output] = Fdlibm.exp(scores[output] - most);
                    sum += scores[output];
                }
                for (int output = 0; output < outputs; output++) {
                    scores[output] /= sum;
                }
                double p = scores[(int) label];
                scores[(int) label] -= 1;
                return -Fdlibm.log(Math.max(p, LEAST_REST));
            }
            case REGRESSION -> {
                double deviation = deviation(numbers);
                double error = number() - label;
                scores[0] = deviation > 0 ? error / deviation : 0;
                return error * error;
            }
            case STEPS, SEQUENCE -> throw new IllegalStateException("a row's label is a list");
        }
        throw new IllegalStateException(task.kind().name());
    }

    private void step(int base, double slope) {
        for (int i = 0; i < valued; i++) {
            step(base + at[i], slope * inputs[i], RATE * (slope * inputs[i]));
        }
        double far = RATE * slope;
        for (int i = valued; i < active; i++) {
            step(base + at[i], slope, far);
        }
    }

    /// @param far the gradient times the rate
    private void step(int weight, double gradient, double far) {
        if (gradient != 0) {
            squares[weight] += (float) (gradient * gradient);
            weights[weight] -= (float) (far / Math.sqrt(Math.max(squares[weight], Float.MIN_NORMAL)));
        }
    }

    private void count(double loss, float weight) {
        losses[next] = (float) (weight * loss);
        counted[next] = weight;
        lossSum += weight * loss;
        total += weight;
        next = next + 1 == losses.length ? 0 : next + 1;
        size = Math.min(size + 1, losses.length);
    }

    /// Mean loss of the newest rows: log loss, of margins the share of wrong sides, of numbers the squared error. NaN before
    /// the first.
    double loss() {
        double sum = 0;
        double total = 0;
        for (int i = 0; i < size; i++) {
            int event = size < losses.length ? i : (next + i) % losses.length;
            sum += losses[event];
            total += counted[event];
        }
        return sum / total;
    }

    /// What the newest row lost, with its weight; NaN before the first.
    double newestLoss() {
        return size == 0 ? Double.NaN : losses[(next + losses.length - 1) % losses.length];
    }

    /// The score of the newest row by the prediction that was made for it; of yes or no the log-odds of yes. NaN before the
    /// first.
    float newestScore() {
        return newestScore;
    }

    /// Mean loss of all rows since counting began.
    double lossOfAll() {
        return lossSum / total;
    }

    /// Returns one that goes on learning in this one's place, and counts anew.
    LinearBaseline restarted() {
        return new LinearBaseline(this);
    }

    void write(BinaryWriter to) {
        to.int64(rows);
        if (rows > 0) {
            to.floats(weights, 0, weights.length).floats(squares, 0, squares.length);
            for (int i = 0; i < means.length; i++) {
                to.float64(means[i]).float64(spreads[i]);
            }
            to.float64(lossSum).float64(total).int32(size).int32(next).floats(losses, 0, size).floats(counted, 0, size);
        }
    }

    void read(BinaryReader from) {
        rows = from.int64();
        if (rows > 0) {
            from.floats(weights, 0, weights.length);
            from.floats(squares, 0, squares.length);
            for (int i = 0; i < means.length; i++) {
                means[i] = from.float64();
                spreads[i] = from.float64();
            }
            lossSum = from.float64();
            total = from.float64();
            size = from.count("losses of the linear baseline", losses.length);
            next = from.count("next loss of the linear baseline", losses.length - 1);
            from.floats(losses, 0, size);
            from.floats(counted, 0, size);
        }
    }
}
