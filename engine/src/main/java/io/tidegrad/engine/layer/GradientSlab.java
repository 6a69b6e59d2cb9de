package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import io.tidegrad.engine.kernel.Panels;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// Holds all gradients of one step before any weight changes, for clipping and for inspection. For a table that only
/// updates touched rows, it holds only those rows. Allocates nothing after construction.
public final class GradientSlab {
    private final List<Tensor> tensors;
    private final Slab slab;
    private final List<Piece> pieces = new ArrayList<>();
    private final OptimizerStep[] leaveGradients;

    /// The gradients of one tensor.
    ///
    /// @param touched the touched rows of this step; null if all values belong to it
    /// @param byOutput the layout of a matrix that is stored output after output; null for what is not
    private record Piece(float[] values, int columns, Storage.@Nullable Touched touched, @Nullable Panels byOutput) {
        int length() {
            return touched == null ? values.length : touched.count() * columns;
        }
    }

    /// @param isFrozen whether a tensor is frozen and has no gradient
    /// @param maxRows the most rows of a batch
    public GradientSlab(List<Tensor> tensors, IntPredicate isFrozen, int maxRows) {
        this.tensors = tensors;
        slab = Slab.ofGradients(tensors, maxRows);
        for (int tensor = 0; tensor < tensors.size(); tensor++) {
            int columns = tensors.get(tensor).columns();
            switch (slab.storage(tensor)) {
                case Storage.Dense dense -> pieces.add(new Piece(dense.weights(), columns, null, dense.byOutput()));
                case Storage.Rows rows -> {
                    for (float[] block : rows.blocks()) {
                        pieces.add(new Piece(block, columns, null, null));
                    }
                }
                case Storage.Touched touched -> pieces.add(new Piece(touched.values(), columns, touched, null));
                case Storage.Doubles statistics -> {
                }
            }
        }
        OptimizerStep gradient = OptimizerStep.of(OptimizerStep.Kind.GRADIENT);
        OptimizerStep frozen = OptimizerStep.of(OptimizerStep.Kind.FROZEN);
        leaveGradients = new OptimizerStep[tensors.size()];
        for (int tensor = 0; tensor < leaveGradients.length; tensor++) {
            leaveGradients[tensor] = isFrozen.test(tensor) ? frozen : gradient;
        }
    }

    /// Makes the backward pass store its gradients here instead of changing weights.
    public void receive(Step step) {
        step.target = slab;
        step.optimizers = leaveGradients;
    }

    public Slab slab() {
        return slab;
    }

    /// The L2 norm of all gradients together, summed in doubles (which can hold the square of every float), tensor
    /// after tensor, a matrix in the order of its panels, whatever its layout, and others in memory order.
    public double norm() {
        double squares = 0;
        for (int i = 0; i < pieces.size(); i++) {
            Piece piece = pieces.get(i);
            squares += piece.byOutput == null ? squares(piece.values, piece.length())
                    : squaresByOutput(piece.values, piece.byOutput);
        }
        return Math.sqrt(squares);
    }

    /// The sum of squares, in eight partial sums, so that an addition need not wait for the one before it: value i is
    /// added to sum i mod 8.
    static double squares(float[] values, int length) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        double s4 = 0;
        double s5 = 0;
        double s6 = 0;
        double s7 = 0;
        int whole = length & -8;
        for (int i = 0; i < whole; i += 8) {
            s0 += square(values[i]);
            s1 += square(values[i + 1]);
            s2 += square(values[i + 2]);
            s3 += square(values[i + 3]);
            s4 += square(values[i + 4]);
            s5 += square(values[i + 5]);
            s6 += square(values[i + 6]);
            s7 += square(values[i + 7]);
        }
        for (int i = whole; i < length; i++) {
            s0 += square(values[i]);
        }
        return s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
    }

    /// The same sum as of a matrix in panels of 16: sum k has outputs k and k + 8 of each panel, input after input.
    static double squaresByOutput(float[] values, Panels panels) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        double s4 = 0;
        double s5 = 0;
        double s6 = 0;
        double s7 = 0;
        int row = panels.strideByOutput();
        for (int from = 0; from < panels.outputs(); from += 16) {
            for (int i = 0; i < panels.inputs(); i++) {
                int at = from * row + i;
                int next = at + 8 * row;
                s0 = s0 + squareAt(values, at) + squareAt(values, next);
                s1 = s1 + squareAt(values, at + row) + squareAt(values, next + row);
                s2 = s2 + squareAt(values, at + 2 * row) + squareAt(values, next + 2 * row);
                s3 = s3 + squareAt(values, at + 3 * row) + squareAt(values, next + 3 * row);
                s4 = s4 + squareAt(values, at + 4 * row) + squareAt(values, next + 4 * row);
                s5 = s5 + squareAt(values, at + 5 * row) + squareAt(values, next + 5 * row);
                s6 = s6 + squareAt(values, at + 6 * row) + squareAt(values, next + 6 * row);
                s7 = s7 + squareAt(values, at + 7 * row) + squareAt(values, next + 7 * row);
            }
        }
        return s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
    }

    /// 0 for outputs behind the last, which lie behind the array.
    private static double squareAt(float[] values, int at) {
        return at < values.length ? square(values[at]) : 0;
    }

    private static double square(double value) {
        return value * value;
    }

    /// Multiplies every gradient by `factor`.
    public void scale(float factor) {
        for (int piece = 0; piece < pieces.size(); piece++) {
            float[] values = pieces.get(piece).values;
            int length = pieces.get(piece).length();
            for (int i = 0; i < length; i++) {
                values[i] *= factor;
            }
        }
    }

    /// Clips every gradient to ±`limit`; NaN stays NaN.
    public void clamp(float limit) {
        for (int piece = 0; piece < pieces.size(); piece++) {
            float[] values = pieces.get(piece).values;
            int length = pieces.get(piece).length();
            for (int i = 0; i < length; i++) {
                values[i] = Math.max(-limit, Math.min(limit, values[i]));
            }
        }
    }

    /// Applies the optimizer to every weight of the dense tensors and to the touched rows of tables. The fused plan has
    /// no such pass.
    ///
    /// @param optimizers the optimizer's scalars by tensor
    public void apply(Kernels kernels, OptimizerStep[] optimizers, Slab weights) {
        for (int tensor = 0; tensor < tensors.size(); tensor++) {
            OptimizerStep optimizer = optimizers[tensor];
            switch (slab.storage(tensor)) {
                case Storage.Dense gradients -> {
                    Storage.Dense w = weights.dense(tensor);
                    float[] g = gradients.weights();
                    kernels.update(optimizer, g.length, g, 0, w.weights(), 0, w.state(), 0, 0);
                }
                case Storage.Rows gradients -> {
                    Storage.Rows w = weights.rows(tensor);
                    int padding = ((Tensor.Table) tensors.get(tensor)).paddingIndex();
                    for (int row = 0; row < w.rows(); row++) {
                        if (row != padding) {
                            w.update(kernels, optimizer, row, gradients.block(row), gradients.at(row));
                        }
                    }
                }
                case Storage.Touched gradients -> weights.rows(tensor).update(kernels, optimizer, gradients.rows(),
                        gradients.count(), 1, gradients.values(), gradients.valuesAt());
                case Storage.Doubles statistics -> {
                }
            }
        }
    }
}
