package io.tidegrad.engine.layer;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Reads up to `columns` ids of the row, starting at `from`; each selects a row of one table (rows, dimension), and
/// their sum or mean is the output (dimension). An empty bag gives 0. With dimension 1 and a `Bias` after it, this is a
/// logistic regression on hashed features.
///
/// @param countAt index of the row's id that holds the number of ids used, counted from the first; or `ALL`
/// @param weightsFrom index of the row's float that the first id's vector is multiplied by, followed by those of the
///     others; or `UNWEIGHTED`. Only for sums, as in PyTorch's `EmbeddingBag`
/// @param start the bound of the first weights
public record EmbeddingBag(int from, int columns, int countAt, int weightsFrom, int rows, int dimension, Mode mode,
        Embedding.Update update, float start) implements Layer {
    /// All ids are used.
    public static final int ALL = -1;

    /// Every vector has weight 1.
    public static final int UNWEIGHTED = -1;

    /// How the vectors of a bag are combined.
    public enum Mode {
        SUM, MEAN,
        /// The sum divided by the root of their number, so that long bags weigh more than short ones, but not by as much.
        ROOT
    }

    public EmbeddingBag(int from, int columns, int countAt, int weightsFrom, int rows, int dimension, Mode mode,
            Embedding.Update update) {
        this(from, columns, countAt, weightsFrom, rows, dimension, mode, update, Embedding.START);
    }

    public EmbeddingBag {
        if (mode != Mode.SUM && weightsFrom != UNWEIGHTED) {
            throw new IllegalArgumentException(
                    "embedding bag: expected weights with a sum only, found them with a mean, which could be divided by"
                            + " their sum or by their number; divide them beforehand and take the sum");
        }
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Row row = planner.row(this, input);
        Embedding.requireIds(planner, this, from, columns, row);
        Embedding.requireTable(planner, this, rows, dimension);
        boolean inBag = countAt >= from && countAt < from + columns;
        if (countAt < ALL || countAt >= row.ids() || inBag) {
            throw planner.mismatch(this,
                    "a count among the row's " + row.ids() + " ids, not in the bag itself, or -1 for none",
                    "id " + countAt);
        }
        if (weightsFrom < UNWEIGHTED || weightsFrom != UNWEIGHTED && (long) weightsFrom + columns > row.numbers()) {
            throw planner.mismatch(this, "a weight for each id within the row's " + row.numbers() + " numbers, or -1",
                    "numbers " + weightsFrom + " to " + ((long) weightsFrom + columns - 1));
        }
        Tensor.Table table = new Tensor.Table(planner.name("weight"), rows, dimension, columns,
                update == Embedding.Update.TOUCHED, Embedding.NO_PADDING, start);
        int tensor = planner.declare(table);
        return new Planned(Shape.Grid.vector(dimension), true,
                (workspace, x, into) -> new Bound(this, tensor, new Lookups(tensor, table, workspace),
                        into != null ? into : workspace.activation(1, dimension, true),
                        dimension == 1 ? new NumberLookups(tensor, table, workspace) : null,
                        new float[dimension == 1 ? columns : 0]));
    }

    /// @param numbers the look-ups if the table has one column
    /// @param gathered scratch for the numbers of one bag
    private record Bound(EmbeddingBag layer, int tensor, Lookups lookups, Activation output,
            @Nullable NumberLookups numbers, float[] gathered) implements Pass {
        /// y = Σ f[c] table[id[c]], where f is the weight, or 1, or 1 / count for a mean. Adds four vectors at a time,
        /// in pairs, and the last up to three one by one.
        @Override
        public void forward(Step step) {
            Block y = output.value();
            Storage.Rows table = step.slab.rows(tensor);
            if (numbers != null && numbers.areFor(step)) {
                sumsOfKeptNumbers(step, numbers, y);
            } else {
                for (int row = 0; row < step.rows; row++) {
                    int count = count(step, row);
                    int at = y.row(row);
                    if (numbers == null) {
                        sumOfVectors(step, row, count, table, y.values, at);
                    } else {
                        lookups.requireRows(step, row, layer.from, count);
                        int ids = row * step.idsPerRow + layer.from;
                        table.gather(step.ids, ids, count, 0, gathered, 0);
                        y.values[at] = sumOfNumbers(step, row, count, gathered);
                    }
                }
            }
            if (layer.weightsFrom != UNWEIGHTED) {
                step.watch(y, 1);
            }
        }

        private void sumsOfKeptNumbers(Step step, NumberLookups numbers, Block y) {
            numbers.begin();
            for (int row = 0; row < step.rows; row++) {
                int count = count(step, row);
                lookups.requireRows(step, row, layer.from, count);
                int ids = row * step.idsPerRow + layer.from;
                if (step.rows == 1) {
                    numbers.readRow(step, step.ids, ids, count);
                } else {
                    numbers.add(step.ids, ids, count, row * layer.columns);
                }
            }
            if (step.rows > 1) {
                numbers.read(step);
            }
            for (int row = 0; row < step.rows; row++) {
                int count = count(step, row);
                y.values[y.row(row)] =
                        sumOfNumbers(step, row, count, numbers.numbers(row * layer.columns, count, gathered));
            }
        }

        /// @param w the bag's numbers
        private float sumOfNumbers(Step step, int row, int count, float[] w) {
            float sum = 0;
            int even = count & -4;
            if (layer.weightsFrom == UNWEIGHTED) {
                float f = uniformFactor(count);
                for (int c = 0; c < even; c += 4) {
                    float first = Math.fma(f, w[c + 1], f * w[c]);
                    float second = Math.fma(f, w[c + 3], f * w[c + 2]);
                    sum += first + second;
                }
                for (int c = even; c < count; c++) {
                    sum = Math.fma(f, w[c], sum);
                }
                return sum;
            }
            for (int c = 0; c < even; c += 4) {
                float f0 = factor(step, row, count, c);
                float f1 = factor(step, row, count, c + 1);
                float f2 = factor(step, row, count, c + 2);
                float f3 = factor(step, row, count, c + 3);
                float first = Math.fma(f1, w[c + 1], f0 * w[c]);
                float second = Math.fma(f3, w[c + 3], f2 * w[c + 2]);
                sum += first + second;
            }
            for (int c = even; c < count; c++) {
                sum = Math.fma(factor(step, row, count, c), w[c], sum);
            }
            return sum;
        }

        private void sumOfVectors(Step step, int row, int count, Storage.Rows table, float[] y, int at) {
            Arrays.fill(y, at, at + layer.dimension, 0);
            int even = count & -4;
            for (int c = 0; c < even; c += 4) {
                addFour(step, row, count, c, table, y, at);
            }
            for (int c = even; c < count; c++) {
                int id = lookups.id(step, row, layer.from + c);
                float[] w = table.block(id);
                int wAt = table.at(id);
                float f = factor(step, row, count, c);
                for (int i = 0; i < layer.dimension; i++) {
                    y[at + i] = Math.fma(f, w[wAt + i], y[at + i]);
                }
            }
        }

        private void addFour(Step step, int row, int count, int c, Storage.Rows table, float[] y, int at) {
            int id0 = lookups.id(step, row, layer.from + c);
            int id1 = lookups.id(step, row, layer.from + c + 1);
            int id2 = lookups.id(step, row, layer.from + c + 2);
            int id3 = lookups.id(step, row, layer.from + c + 3);
            float[] w0 = table.block(id0);
            float[] w1 = table.block(id1);
            float[] w2 = table.block(id2);
            float[] w3 = table.block(id3);
            int at0 = table.at(id0);
            int at1 = table.at(id1);
            int at2 = table.at(id2);
            int at3 = table.at(id3);
            float f0 = factor(step, row, count, c);
            float f1 = factor(step, row, count, c + 1);
            float f2 = factor(step, row, count, c + 2);
            float f3 = factor(step, row, count, c + 3);
            for (int i = 0; i < layer.dimension; i++) {
                float first = Math.fma(f1, w1[at1 + i], f0 * w0[at0 + i]);
                float second = Math.fma(f3, w3[at3 + i], f2 * w2[at2 + i]);
                y[at + i] += first + second;
            }
        }

        @Override
        public double inputMagnitude(Step step) {
            double sum = 0;
            for (int row = 0; row < step.rows; row++) {
                int count = count(step, row);
                for (int c = 0; c < count; c++) {
                    sum += Math.abs(factor(step, row, count, c));
                }
            }
            return sum;
        }

        /// dtable[id] = Σ f dy over all places that read the id, row by row, id by id; df[c] = dy · table[id[c]].
        @Override
        public void backward(Step step) {
            Block dy = output.requireGradient();
            if (layer.weightsFrom != UNWEIGHTED && step.numbersGradient.length > 0) {
                addWeightGradients(step, dy);
            }
            if (lookups.isFrozen(step)) {
                return;
            }
            if (numbers != null && numbers.areFor(step)) {
                learnKeptNumbers(step, numbers, dy);
                return;
            }
            lookups.begin(step);
            for (int row = 0; row < step.rows; row++) {
                int count = count(step, row);
                int ids = row * step.idsPerRow + layer.from;
                for (int c = 0; c < count; c++) {
                    float f = factor(step, row, count, c);
                    lookups.add(step.ids[ids + c], f, dy.values, dy.row(row));
                }
            }
            lookups.apply(step);
        }

        private void learnKeptNumbers(Step step, NumberLookups numbers, Block dy) {
            for (int row = 0; row < step.rows; row++) {
                int count = count(step, row);
                int place = row * layer.columns;
                float g = dy.values[dy.row(row)];
                if (layer.weightsFrom == UNWEIGHTED) {
                    numbers.addGradient(place, count, uniformFactor(count), g);
                } else {
                    for (int c = 0; c < count; c++) {
                        numbers.addGradient(place + c, 1, factor(step, row, count, c), g);
                    }
                }
            }
            numbers.apply(step);
        }

        private void addWeightGradients(Step step, Block dy) {
            Storage.Rows table = step.slab.rows(tensor);
            for (int row = 0; row < step.rows; row++) {
                int count = count(step, row);
                for (int c = 0; c < count; c++) {
                    int id = lookups.id(step, row, layer.from + c);
                    float sum = 0;
                    for (int i = 0; i < layer.dimension; i++) {
                        float w = table.block(id)[table.at(id) + i];
                        sum = Math.fma(dy.values[dy.row(row) + i], w, sum);
                    }
                    step.numbersGradient[row * step.numbersPerRow + layer.weightsFrom + c] += sum;
                }
            }
        }

        private int count(Step step, int row) {
            if (layer.countAt == ALL) {
                return layer.columns;
            }
            int count = step.ids[row * step.idsPerRow + layer.countAt];
            if (count < 0 || count > layer.columns) {
                throw Lookups.outOfBounds(row, layer.countAt, count, layer.columns);
            }
            return count;
        }

        private float factor(Step step, int row, int count, int c) {
            if (layer.weightsFrom != UNWEIGHTED) {
                return step.numbers[row * step.numbersPerRow + layer.weightsFrom + c];
            }
            return uniformFactor(count);
        }

        /// The factor of each vector in a bag without weights.
        private float uniformFactor(int count) {
            return switch (layer.mode) {
                case SUM -> 1f;
                case MEAN -> 1f / count;
                case ROOT -> (float) Math.sqrt(1.0 / count);
            };
        }
    }
}
