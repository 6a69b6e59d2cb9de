package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Planned;
import io.tidegrad.engine.layer.Planner;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.ShapeException;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.loss.BatchLoss;
import java.util.ArrayList;
import java.util.List;

/// Offsets and sizes, derived once from a `NetworkSpec`; refuses a spec whose shapes don't fit, naming the layer, the
/// shape expected and the shape found, before a float is allocated.
public final class Plan {
    /// A network puts out one vector a row.
    static final int LINES = 1;

    private final NetworkSpec spec;
    private final Planned network; // without the last activation that the loss applies
    private final List<Tensor> tensors;
    private final Streams streams;

    private Plan(NetworkSpec spec, Planned network, List<Tensor> tensors) {
        this.spec = spec;
        this.network = network;
        this.tensors = tensors;
        streams = new Streams(tensors, spec.optimizer().stateParts());
    }

    /// @throws ShapeException saying which layer, what it expects and what it found
    public static Plan of(NetworkSpec spec) {
        Planner planner = new Planner();
        RowShape row = spec.row();
        Planned network =
                withoutFusedActivation(spec).plan(planner, new Shape.Row(row.numbers(), row.ids()));
        int outputs = network.width();
        String mismatch = spec.loss().mismatch(LINES, outputs);
        if (mismatch != null) {
            throw new ShapeException(lossName(spec) + ": " + mismatch);
        }
        int labels = spec.loss().labels(LINES, outputs);
        if (row.labels() != labels) {
            throw new ShapeException(
                    lossName(spec)
                            + ": expected "
                            + labels
                            + " label(s) in a row for "
                            + outputs
                            + " output(s), found "
                            + row.labels());
        }
        return new Plan(spec, network, planner.tensors());
    }

    /// A last sigmoid or softmax belongs to a loss that works from logits. The wrong one is a mistake: the
    /// loss would put a second squashing on top.
    private static Layer withoutFusedActivation(NetworkSpec spec) {
        Layer network = spec.network();
        Layer last = last(network);
        return switch (spec.loss().link()) {
            case LOGIT -> {
                if (last instanceof Softmax) {
                    throw wrongActivation(spec, "sigmoid", "softmax");
                }
                yield last instanceof Sigmoid ? withoutLast(network) : network;
            }
            case MULTINOMIAL_LOGIT -> {
                if (last instanceof Sigmoid) {
                    throw wrongActivation(spec, "softmax", "sigmoid");
                }
                yield last instanceof Softmax ? withoutLast(network) : network;
            }
            case IDENTITY, LOG -> network;
        };
    }

    private static Layer last(Layer layer) {
        return layer instanceof Sequence(List<Layer> layers) && !layers.isEmpty()
                ? last(layers.getLast())
                : layer;
    }

    private static Layer withoutLast(Layer layer) {
        if (!(layer instanceof Sequence(List<Layer> layers))) {
            return layer; // a lone activation: planning it refuses the row
        }
        List<Layer> head = layers.subList(0, layers.size() - 1);
        if (layers.getLast() instanceof Sequence inner && inner.layers().size() > 1) {
            head = new ArrayList<>(head);
            head.add(withoutLast(inner));
        }
        return head.isEmpty() ? layer : new Sequence(head);
    }

    private static ShapeException wrongActivation(NetworkSpec spec, String expected, String found) {
        return new ShapeException(
                lossName(spec)
                        + ": expected a network that ends in "
                        + expected
                        + " or in plain logits, found one that ends in "
                        + found);
    }

    private static String lossName(NetworkSpec spec) {
        return "the loss (" + spec.loss().getClass().getSimpleName() + ")";
    }

    public NetworkSpec spec() {
        return spec;
    }

    /// Width of a prediction: 1 for binary and single regression, else the classes or outputs.
    public int outputs() {
        return network.width();
    }

    /// Logical weights, padding not counted.
    public long weights() {
        return streams.weights();
    }

    /// All tensors in plan order: the order of the streams and of the random streams.
    public List<Tensor> tensors() {
        return tensors;
    }

    /// The index of the tensor of this name, such as `2.weight`.
    public int tensor(String name) {
        for (int tensor = 0; tensor < tensors.size(); tensor++) {
            if (tensors.get(tensor).name().equals(name)) {
                return tensor;
            }
        }
        throw new IllegalArgumentException(
                "no tensor is called "
                        + name
                        + "; there are "
                        + tensors.stream().map(Tensor::name).toList());
    }

    BatchLoss loss(int maxRows) {
        return new BatchLoss(spec.loss(), spec.reduction(), maxRows, LINES, outputs());
    }

    Planned network() {
        return network;
    }

    Streams streams() {
        return streams;
    }
}
