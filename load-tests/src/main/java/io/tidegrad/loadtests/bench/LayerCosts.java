package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Plan;
import java.util.ArrayList;
import java.util.List;

/// What one row makes a network's tensors and layers do, found by walking through the network with the axes of its
/// activations. Of the layers that workloads have.
final class LayerCosts {
    private static final int LANES = 16;

    private final List<Tensor> tensors;

    /// For each tensor in turn, as far as the walk has come.
    private final List<Use> uses = new ArrayList<>();

    private double attentionFlops;
    private double transcendentals;

    /// What a row does with a tensor.
    ///
    /// @param lines it multiplies a matrix with
    /// @param inTurn how often the matrix is read in each direction because one line waits for the one before
    /// @param backFlops of the input's gradient from one row
    record Use(int lines, int inTurn, double backFlops) {
    }

    LayerCosts(Plan plan) {
        tensors = plan.tensors();
        walk(plan.spec().network(), List.of(plan.spec().row().numbers()));
        if (uses.size() != tensors.size()) {
            throw new IllegalStateException(
                    "expected a use of each of " + tensors.size() + " tensors, found " + uses.size());
        }
    }

    Use use(int tensor) {
        return uses.get(tensor);
    }

    /// Of one row's products between activations, forward, an FMA counted as two; backward takes twice as many.
    double attentionFlops() {
        return attentionFlops;
    }

    /// Exponentials, sigmoids and tanh inside of layers, forward, of one row.
    double transcendentals() {
        return transcendentals;
    }

    /// Returns the axes of the output.
    private List<Integer> walk(Layer layer, List<Integer> x) {
        int width = x.getLast();
        int lines = width == 0 ? 0 : size(x) / width; // a row may be ids alone
        return switch (layer) {
            case Sequence(List<Layer> layers) -> {
                List<Integer> y = x;
                for (Layer each : layers) {
                    y = walk(each, y);
                }
                yield y;
            }
            case Concat(List<Layer> layers) -> {
                int sum = 0;
                for (Layer each : layers) {
                    sum += walk(each, x).getLast();
                }
                yield List.of(sum);
            }
            case Residual(Layer inner) -> walk(inner, x);
            case Numbers numbers -> List.of(numbers.count());
            case Reshape(List<Integer> axes) -> axes;
            case Flatten flatten -> List.of(size(x));
            case Embedding embedding -> {
                uses.add(new Use(0, 0, 0));
                yield List.of(embedding.columns() * embedding.dimension());
            }
            case EmbeddingBag bag -> {
                uses.add(new Use(0, 0, 0));
                yield List.of(bag.dimension());
            }
            case Dense dense -> {
                product(lines, 1);
                if (dense.bias()) {
                    vector();
                }
                yield withWidth(x, dense.outputs());
            }
            case Conv2d conv -> convolution(conv, x);
            case MaxPool2d(Extent kernel, Extent stride, Extent padding) ->
                List.of(x.getFirst(), places(x.get(1), kernel.height(), stride.height(), padding.height()),
                        places(x.get(2), kernel.width(), stride.width(), padding.width()));
            case Recurrent recurrent -> recurrent(recurrent, lines);
            case SelfAttention attention -> {
                product(lines, 1);
                vector();
                product(lines, 1);
                vector();
                int padded = padded(lines);
                int products = 2; // q kᵀ and its softmax with v
                attentionFlops += 2.0 * products * lines * padded * width;
                transcendentals += (double) attention.heads() * lines * padded;
                yield x;
            }
            case LayerNorm norm -> {
                vector();
                vector();
                yield x;
            }
            case Bias bias -> {
                vector();
                yield x;
            }
            case Relu relu -> x;
            case Sigmoid sigmoid -> x;
            case Softmax softmax -> x;
            default -> throw new IllegalArgumentException("expected a layer with a roofline, found " + layer);
        };
    }

    private List<Integer> convolution(Conv2d conv, List<Integer> x) {
        int height = places(x.get(1), conv.kernel().height(), conv.stride().height(), conv.padding().height());
        int width = places(x.get(2), conv.kernel().width(), conv.stride().width(), conv.padding().width());
        int patches = height * width;
        // The transposed product pads the input's channels, not the output's; few of them not at all.
        int channels = x.getFirst();
        int inputs = channels <= Kernels.NARROW_OUTPUTS ? channels : padded(channels);
        double area = (double) conv.kernel().height() * conv.kernel().width();
        uses.add(new Use(patches, 1, 2.0 * patches * area * conv.channels() * inputs));
        if (conv.bias()) {
            vector();
        }
        return List.of(conv.channels(), height, width);
    }

    private List<Integer> recurrent(Recurrent layer, int steps) {
        int directions = layer.bidirectional() ? 2 : 1;
        int functions = switch (layer.cell()) {
            case RNN -> 1;
            case GRU -> 3;
            case LSTM -> 5;
        };
        for (int d = 0; d < directions; d++) {
            product(steps, 1);
            product(steps, steps);
            vector();
            vector();
        }
        transcendentals += (double) functions * directions * steps * layer.hidden();
        int width = directions * layer.hidden();
        return switch (layer.output()) {
            case SEQUENCE -> List.of(steps, width);
            case LAST -> List.of(width);
            case STATE -> List.of(layer.cell() == Recurrent.Cell.LSTM ? 2 * width : width);
        };
    }

    private void product(int lines, int inTurn) {
        Tensor.Matrix matrix = (Tensor.Matrix) tensors.get(uses.size());
        uses.add(new Use(lines, inTurn, 2.0 * lines * matrix.panels().length()));
    }

    private void vector() {
        uses.add(new Use(0, 0, 0));
    }

    private static List<Integer> withWidth(List<Integer> axes, int width) {
        List<Integer> changed = new ArrayList<>(axes);
        changed.set(changed.size() - 1, width);
        return changed;
    }

    private static int size(List<Integer> axes) {
        return axes.stream().reduce(1, Math::multiplyExact);
    }

    private static int padded(int width) {
        return Math.ceilDiv(width, LANES) * LANES;
    }

    private static int places(int pixels, int kernel, int stride, int padding) {
        return (pixels + 2 * padding - kernel) / stride + 1;
    }
}
