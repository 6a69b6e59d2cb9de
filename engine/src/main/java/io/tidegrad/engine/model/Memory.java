package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Activation;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.Workspace;
import io.tidegrad.engine.optim.Clipping;
import java.util.Arrays;
import java.util.List;

/// Bytes that a model takes on the heap, computed from its plan without allocating it. Padding is counted; the objects
/// around the arrays (some ten KB per model) are not.
///
/// @param weights weights and the statistics that layers learn from their inputs
/// @param optimizerState 0 for predicting
/// @param gradients all gradients of a step if clipping or judging needs them at once; otherwise 0, although a learner allocates
///     them for the first step whose slopes and numbers are so large that their products could overflow
/// @param workspace scratch of a thread's layers and loss for a mini-batch
/// @param batch the rows of a mini-batch
public record Memory(long weights, long optimizerState, long gradients, long workspace, long batch) {

    /// Memory of `Parameters`, a `Learner` and a `Batch`.
    ///
    /// @throws ArithmeticException an array would hold 2^31 numbers or more
    public static Memory toLearn(Plan plan, int maxBatch) {
        return toLearn(plan, maxBatch, false);
    }

    /// @param judgesGradients whether `Learner.judgeGradient` is called
    /// @throws ArithmeticException an array would hold 2^31 numbers or more
    public static Memory toLearn(Plan plan, int maxBatch, boolean judgesGradients) {
        List<Tensor> tensors = plan.tensors();
        long weights = tensors.stream().mapToLong(Memory::bytes).sum();
        long learned = tensors.stream().filter(t -> !(t instanceof Tensor.Statistics)).mapToLong(Memory::bytes).sum();
        boolean stores = judgesGradients || !(plan.spec().clipping() instanceof Clipping.None);
        long served = plan.learnsDifferently() ? (long) Float.BYTES * plan.outputs() : 0;
        long aRow =
                Float.BYTES + 2 * Double.BYTES + (long) Float.BYTES * (plan.outputs() + plan.memberOutputs()) + served;
        long gradients = stores ? tensors.stream().mapToLong(t -> gradientBytes(t, maxBatch)).sum() : 0;
        return new Memory(weights, learned * plan.spec().optimizer().stateParts(), gradients,
                workspace(plan, maxBatch, Workspace.Purpose.LEARN) + aRow * maxBatch, batch(plan, maxBatch));
    }

    /// Memory of one predicting thread: served `Parameters`, a `Predictor`, a `Batch` and its predictions.
    ///
    /// @throws ArithmeticException an array would hold 2^31 numbers or more
    public static Memory toPredict(Plan plan, int maxBatch) {
        long weights = plan.tensors().stream().mapToLong(Memory::bytes).sum();
        return new Memory(weights, 0, 0, workspace(plan, maxBatch, Workspace.Purpose.PREDICT),
                batch(plan, maxBatch) + (long) Float.BYTES * maxBatch * plan.outputs());
    }

    /// Memory that `Learner.warmUp` needs in addition to the model while it runs.
    ///
    /// @throws ArithmeticException an array would hold 2^31 numbers or more
    public static long toWarmUp(Plan plan, int maxBatch) {
        Plan scratch = Plan.of(WarmUp.scratch(plan.spec()));
        return toLearn(scratch, maxBatch).total() + workspace(scratch, maxBatch, Workspace.Purpose.PREDICT);
    }

    /// Memory that a learner takes from its first `Learner.inspect` on.
    public static long toInspect(Plan plan) {
        long[] read = plan.tensors().stream().filter(tensor -> !(tensor instanceof Tensor.Statistics))
                .mapToLong(Inspector::read).sorted().toArray();
        return Float.BYTES * Arrays.stream(read).skip(Math.max(0, read.length - Inspection.TENSORS_MAX)).sum();
    }

    /// Bytes that a tensor's values take in a `Slab`.
    private static long bytes(Tensor tensor) {
        return switch (tensor) {
            case Tensor.Matrix matrix -> (long) Float.BYTES * matrix.panels().length();
            case Tensor.Vector vector -> (long) Float.BYTES * vector.stride();
            case Tensor.Table table -> (long) Float.BYTES * table.rows() * table.columns();
            case Tensor.Statistics statistics -> (long) Double.BYTES * statistics.columns();
        };
    }

    /// In a `GradientSlab`.
    private static long gradientBytes(Tensor tensor, int maxBatch) {
        if (tensor instanceof Tensor.Table table && table.touchedOnly()) {
            long rows = Math.min((long) maxBatch * table.reads(), table.rows());
            return rows * (2 * Integer.BYTES + (long) Float.BYTES * table.columns());
        }
        return bytes(tensor);
    }

    private static long workspace(Plan plan, int maxBatch, Workspace.Purpose purpose) {
        Workspace workspace = Workspace.counting(maxBatch, purpose);
        plan.network().binding().bind(workspace, Activation.ROW, null);
        return workspace.bytes() + (long) Float.BYTES * workspace.scratch();
    }

    private static long batch(Plan plan, int maxBatch) {
        RowShape row = plan.spec().row();
        return (long) maxBatch
                * (Float.BYTES * (row.numbers() + (long) row.labels() + 1) + (long) Integer.BYTES * row.ids());
    }

    public long total() {
        return weights + optimizerState + gradients + workspace + batch;
    }
}
