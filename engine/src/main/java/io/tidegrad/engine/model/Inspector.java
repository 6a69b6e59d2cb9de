package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.MemberShares;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.Watched;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/// Makes inspections of what a learner changes. Between two of them it keeps the weights that it has read, at most
/// `TENSORS_MAX` times `READ_MAX` floats (16 MiB).
final class Inspector {
    private final Parameters parameters;
    private final Plan plan;
    private final OptimizerSteps optimizers;
    private final int leftOut;
    private final List<Told> tensors;
    private final List<Watched> layers;
    private final int layersLeftOut;
    private final boolean[][] active; // by layer, in the window
    private final int[] dead; // by layer, in the window before
    private long rowsOfDead; // of the window before; 0 for none
    private long rows; // of the window
    private boolean looks; // at the window's rows
    private boolean awaitsStep; // the first after an inspection
    private long updates = -1; // at the inspection before

    /// A tensor that is told.
    private static final class Told {
        final int tensor;
        final Tensor declared;
        final Storage.Floats storage;
        final long weights;
        final int stride; // every such weight is read
        final float[] values; // that were read last
        double step = Double.NaN;

        Told(int tensor, Tensor declared, Storage.Floats storage) {
            this.tensor = tensor;
            this.declared = declared;
            this.storage = storage;
            weights = weights(declared);
            stride = stride(weights, declared.columns());
            values = new float[read(declared)];
        }

        float weight(int i) {
            long number = (long) i * stride;
            int row = (int) (number / declared.columns());
            int column = (int) (number % declared.columns());
            return storage.array(0, row)[storage.index(0, row, column)];
        }

        /// Root mean square of what changed since the values were read.
        double change() {
            double squares = 0;
            int finite = 0;
            for (int i = 0; i < values.length; i++) {
                double by = (double) weight(i) - values[i];
                if (Double.isFinite(by)) {
                    squares += by * by;
                    finite++;
                }
            }
            return Math.sqrt(squares / finite);
        }
    }

    Inspector(Parameters parameters, OptimizerSteps optimizers, List<Watched> watched) {
        this.parameters = parameters;
        this.optimizers = optimizers;
        plan = parameters.plan();
        List<Tensor> declared = plan.tensors();
        List<Integer> learned = IntStream.range(0, declared.size())
                .filter(tensor -> parameters.slab().storage(tensor) instanceof Storage.Floats).boxed().toList();
        tensors = learned.stream()
                .sorted(Comparator.comparingLong((Integer tensor) -> weights(declared.get(tensor))).reversed())
                .limit(Inspection.TENSORS_MAX).sorted().map(tensor -> new Told(tensor, declared.get(tensor),
                        (Storage.Floats) parameters.slab().storage(tensor)))
                .toList();
        leftOut = learned.size() - tensors.size();
        List<Watched> cutting = watched.stream().filter(Watched::cuts).toList();
        layers = cutting.stream().limit(Inspection.LAYERS_MAX).toList();
        layersLeftOut = cutting.size() - layers.size();
        active = new boolean[layers.size()][];
        Arrays.setAll(active, layer -> new boolean[layers.get(layer).width()]);
        dead = new int[layers.size()];
    }

    /// How many of a tensor's weights are read, and kept.
    static int read(Tensor tensor) {
        long weights = weights(tensor);
        return (int) Math.ceilDiv(weights, stride(weights, tensor.columns()));
    }

    private static long weights(Tensor tensor) {
        return (long) tensor.rows() * tensor.columns();
    }

    /// The least stride that reads few enough weights. It has no divisor in common with the columns, so that all of these
    /// are read alike.
    static int stride(long weights, int columns) {
        int stride = (int) Math.ceilDiv(weights, Inspection.READ_MAX);
        while (stride > 1 && divisor(stride, columns) > 1) {
            stride++;
        }
        return Math.max(1, stride);
    }

    private static int divisor(int a, int b) {
        return b == 0 ? a : divisor(b, a % b);
    }

    /// Called once the rows of a step are predicted.
    void predicted(int batch) {
        if (!looks) {
            return;
        }
        for (int layer = 0; layer < active.length; layer++) {
            layers.get(layer).markActive(batch, active[layer]);
        }
        rows += batch;
        if (rows >= Inspection.ROWS) {
            for (int layer = 0; layer < active.length; layer++) {
                dead[layer] = 0;
                for (boolean unit : active[layer]) {
                    dead[layer] += unit ? 0 : 1;
                }
                Arrays.fill(active[layer], false);
            }
            rowsOfDead = rows;
            rows = 0;
            looks = false;
        }
    }

    /// Called after a step.
    void stepped() {
        if (awaitsStep) {
            awaitsStep = false;
            for (int i = 0; i < tensors.size(); i++) {
                tensors.get(i).step = tensors.get(i).change();
            }
        }
    }

    Inspection inspect() {
        boolean first = updates < 0;
        List<MemberShares> mixtures = plan.mixtures();
        List<Inspection.Weights> read = new ArrayList<>();
        for (Told each : tensors) {
            read.add(inspect(each, first, member(mixtures, each.declared.name())));
        }
        List<Inspection.Units> units = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            Watched layer = layers.get(i);
            units.add(new Inspection.Units(layer.place(), member(mixtures, layer.place()), layer.width(), dead[i],
                    rowsOfDead));
        }
        Inspection inspection =
                new Inspection(first ? -1 : parameters.updates() - updates, read, leftOut, units, layersLeftOut,
                        mixtures.stream()
                                .map(mix -> new Inspection.Mix(
                                        DoubleStream.of(mix.of(parameters.slab())).boxed().toList(), mix.stacked()))
                                .toList());
        updates = parameters.updates();
        looks = true;
        awaitsStep = true;
        return inspection;
    }

    private static int member(List<MemberShares> mixtures, String place) {
        return mixtures.isEmpty() ? Inspection.NO_MEMBER : mixtures.getFirst().member(place);
    }

    private Inspection.Weights inspect(Told of, boolean first, int member) {
        double change = first ? Double.NaN : of.change();
        double squares = 0;
        int finite = 0;
        float least = Float.POSITIVE_INFINITY;
        float most = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < of.values.length; i++) {
            float value = of.weight(i);
            of.values[i] = value;
            if (Float.isFinite(value)) {
                squares += (double) value * value;
                finite++;
                least = Math.min(least, value);
                most = Math.max(most, value);
            }
        }
        Inspection.Weights read = new Inspection.Weights(of.declared.name(), member, of.weights, of.values.length,
                of.values.length - finite, Math.sqrt(squares / finite), of.step, change,
                finite == 0 ? Float.NaN : least, finite == 0 ? Float.NaN : most, histogram(of.values, least, most),
                optimizers.rate(of.tensor),
                of.declared instanceof Tensor.Matrix || of.declared instanceof Tensor.Table);
        of.step = Double.NaN;
        return read;
    }

    private static List<Integer> histogram(float[] values, float least, float most) {
        Integer[] counts = new Integer[Inspection.BINS];
        Arrays.fill(counts, 0);
        double width = (double) most - least;
        for (float value : values) {
            if (Float.isFinite(value)) {
                int bin = width == 0 ? 0 : (int) (((double) value - least) / width * Inspection.BINS);
                counts[Math.min(bin, Inspection.BINS - 1)]++;
            }
        }
        return List.of(counts);
    }
}
