package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Planned;
import io.tidegrad.engine.layer.Planner;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.ShapeException;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.MeanSquaredError;
import java.util.ArrayList;
import java.util.List;

/// Offsets and sizes, derived once from a `NetworkSpec`; refuses a spec whose shapes don't fit, naming the layer, the
/// shape expected and the shape found, before a float is allocated.
public final class Plan {
    private final NetworkSpec spec;
    private final Planned network; // without the last activation that the loss applies
    private final List<Tensor> tensors;
    private final List<Double> rateFactors;
    private final Streams streams;
    private final boolean learnsDifferently;
    private final int outputs;

    private Plan(NetworkSpec spec, Planned network, Planner planner) {
        this.spec = spec;
        this.network = network;
        tensors = planner.tensors();
        rateFactors = planner.rateFactors();
        learnsDifferently = planner.learnsDifferently();
        outputs = network.output().size();
        streams = new Streams(tensors, spec.optimizer().stateParts());
    }

    /// @throws ShapeException saying which layer, what it expects and what it found
    public static Plan of(NetworkSpec spec) {
        RowShape row = spec.row();
        Shape.Row input = new Shape.Row(row.numbers(), row.ids());
        Planner planner = new Planner(input);
        Planned network = withoutFusedActivation(spec).plan(planner, input).flat();
        int outputs = network.output().size();
        if (outputs < spec.loss().outputsMin()) {
            throw new ShapeException(
                    lossName(spec)
                            + ": expected at least "
                            + spec.loss().outputsMin()
                            + " outputs of the network, found "
                            + outputs);
        }
        int labels = spec.loss().labels(outputs);
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
        requireOneRate(spec, planner);
        return new Plan(spec, network, planner);
    }

    private static void requireOneRate(NetworkSpec spec, Planner planner) {
        for (int tensor = 0; tensor < planner.tensors().size(); tensor++) {
            double factor = planner.rateFactors().get(tensor);
            if (spec.optimizer().hasFixedRate() && factor != 0 && factor != 1) {
                throw new IllegalArgumentException(
                        planner.tensors().get(tensor).name()
                                + ": expected a rate factor of 1, or of 0 (frozen), for "
                                + spec.optimizer().getClass().getSimpleName()
                                + " has one rate for all layers; found "
                                + factor);
            }
        }
    }

    /// A last sigmoid or softmax belongs to its cross-entropy, which works from logits. The wrong one is a mistake: the
    /// loss would put a second squashing on top.
    private static Layer withoutFusedActivation(NetworkSpec spec) {
        Layer network = spec.network();
        Layer last = last(network);
        return switch (spec.loss()) {
            case BinaryCrossEntropy loss -> {
                if (last instanceof Softmax) {
                    throw wrongActivation(spec, "sigmoid", "softmax");
                }
                yield last instanceof Sigmoid ? withoutLast(network) : network;
            }
            case CategoricalCrossEntropy loss -> {
                if (last instanceof Sigmoid) {
                    throw wrongActivation(spec, "softmax", "sigmoid");
                }
                yield last instanceof Softmax ? withoutLast(network) : network;
            }
            case MeanSquaredError loss -> network;
        };
    }

    private static Layer last(Layer layer) {
        return switch (layer) {
            case Sequence(List<Layer> layers) when !layers.isEmpty() -> last(layers.getLast());
            case Rate(double factor, Layer inner) -> last(inner);
            default -> layer;
        };
    }

    private static Layer withoutLast(Layer layer) {
        if (layer instanceof Rate(double factor, Layer inner)) {
            return new Rate(factor, withoutLast(inner));
        }
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
        return outputs;
    }

    /// Logical weights, padding not counted.
    public long weights() {
        return streams.weights();
    }

    /// All tensors in plan order: the order of the streams and of the random streams.
    public List<Tensor> tensors() {
        return tensors;
    }

    /// By what a tensor's rate is multiplied: see `Rate`.
    public double rateFactor(int tensor) {
        return rateFactors.get(tensor);
    }

    boolean isFrozen(int tensor) {
        return rateFactor(tensor) == 0;
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

    Planned network() {
        return network;
    }

    /// Whether some layer puts out something else while it learns, as dropout does.
    boolean learnsDifferently() {
        return learnsDifferently;
    }

    Streams streams() {
        return streams;
    }
}
