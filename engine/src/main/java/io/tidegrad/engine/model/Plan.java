package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.MemberShares;
import io.tidegrad.engine.layer.Planned;
import io.tidegrad.engine.layer.Planner;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Restart;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.ShapeException;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.UpdateRule;
import io.tidegrad.engine.loss.BatchLoss;
import io.tidegrad.engine.loss.Link;
import io.tidegrad.engine.optim.Optimizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// A network's tensors, shapes and sizes, derived once from a `NetworkSpec` before any float is allocated.
public final class Plan {
    private final NetworkSpec spec;
    private final Layer beforeLoss;
    private final Planned network; // of beforeLoss
    private final List<Tensor> tensors;
    private final List<UpdateRule> rules; // by tensor
    private final List<Restart> restarts;
    private final List<MemberShares> mixtures;
    private final int memberOutputs;
    private final Streams streams;
    private final boolean learnsDifferently;
    private final int outputs;

    private Plan(NetworkSpec spec, Layer beforeLoss, Planned network, Planner planner) {
        this.spec = spec;
        this.beforeLoss = beforeLoss;
        this.network = network;
        tensors = planner.tensors();
        rules = planner.rules();
        restarts = planner.restarts();
        mixtures = planner.mixtures();
        memberOutputs = planner.memberOutputs();
        learnsDifferently = planner.learnsDifferently();
        outputs = network.output().size();
        streams = new Streams(tensors, spec.optimizer().stateParts());
    }

    /// @throws ShapeException shapes don't fit; the message names the layer, the shape expected and the shape found
    public static Plan of(NetworkSpec spec) {
        RowShape row = spec.row();
        Shape.Row input = new Shape.Row(row.numbers(), row.ids());
        Planner planner = new Planner(input);
        Layer beforeLoss = withoutFusedActivation(spec);
        Planned network = planner.plan(beforeLoss, input).with(Shape.Columns.LAST_AXIS);
        int lines = network.output().lines();
        int width = network.output().width();
        String mismatch = spec.loss().mismatch(lines, width);
        if (mismatch != null) {
            throw new ShapeException(lossName(spec) + ": " + mismatch);
        }
        int labels = spec.loss().labels(lines, width);
        if (row.labels() != labels) {
            throw new ShapeException(lossName(spec) + ": expected " + labels + " label(s) in a row for "
                    + network.output().size() + " output(s), found " + row.labels());
        }
        requireFittingOptimizers(spec, planner);
        return new Plan(spec, beforeLoss, network, planner);
    }

    private static void requireFittingOptimizers(NetworkSpec spec, Planner planner) {
        for (int tensor = 0; tensor < planner.tensors().size(); tensor++) {
            UpdateRule rule = planner.rules().get(tensor);
            Optimizer optimizer = Objects.requireNonNullElse(rule.optimizer(), spec.optimizer());
            String name = planner.tensors().get(tensor).name();
            String kind = optimizer.getClass().getSimpleName();
            double factor = rule.rateFactor();
            if (optimizer.hasFixedRate() && factor != 0 && factor != 1) {
                throw new IllegalArgumentException(name + ": expected a rate factor of 1, or of 0 (frozen), for " + kind
                        + " has one rate for all layers; found " + factor);
            }
            if (optimizer.hasFixedRate() && rule.inputBound() != UpdateRule.UNBOUNDED) {
                throw new IllegalArgumentException(
                        name + ": expected no input bound, for " + kind + " has one rate for all layers");
            }
            if (optimizer.stateParts() != spec.optimizer().stateParts()) {
                throw new IllegalArgumentException(name + ": expected an optimizer with "
                        + spec.optimizer().stateParts() + " part(s) of state, as the network's has, found " + kind
                        + " with " + optimizer.stateParts());
            }
        }
    }

    /// Returns the network without a last sigmoid or softmax that the loss applies itself. Refuses the wrong one,
    /// because the loss would apply its own on top of it.
    private static Layer withoutFusedActivation(NetworkSpec spec) {
        Layer network = spec.network();
        Layer last = last(network);
        Link link = spec.loss().link();
        if (link == Link.LOGIT && last instanceof Softmax) {
            throw wrongActivation(spec, "sigmoid", "softmax");
        }
        if (link == Link.MULTINOMIAL_LOGIT && last instanceof Sigmoid) {
            throw wrongActivation(spec, "softmax", "sigmoid");
        }
        boolean isFused = link == Link.LOGIT && last instanceof Sigmoid
                || link == Link.MULTINOMIAL_LOGIT && last instanceof Softmax;
        // A network that is only the activation stays as it is; planning it refuses the row.
        return isFused ? Objects.requireNonNullElse(withoutLast(network), network) : network;
    }

    private static Layer last(Layer layer) {
        return switch (layer) {
            case Sequence(List<Layer> layers) when !layers.isEmpty() -> last(layers.getLast());
            case Rate(double factor, Layer inner) -> last(inner);
            default -> layer;
        };
    }

    /// Returns the layer without its last one; null if nothing is left.
    private static @Nullable Layer withoutLast(Layer layer) {
        return switch (layer) {
            case Sequence(List<Layer> layers) -> {
                List<Layer> head = new ArrayList<>(layers.subList(0, layers.size() - 1));
                Layer rest = withoutLast(layers.getLast());
                if (rest != null) {
                    head.add(rest);
                }
                yield head.isEmpty() ? null : new Sequence(head);
            }
            case Rate(double factor, Layer inner) -> {
                Layer rest = withoutLast(inner);
                yield rest == null ? null : new Rate(factor, rest);
            }
            default -> null;
        };
    }

    private static ShapeException wrongActivation(NetworkSpec spec, String expected, String found) {
        return new ShapeException(lossName(spec) + ": expected a network that ends in " + expected
                + " or in plain logits, found one that ends in " + found);
    }

    private static String lossName(NetworkSpec spec) {
        return "the loss (" + spec.loss().getClass().getSimpleName() + ")";
    }

    public NetworkSpec spec() {
        return spec;
    }

    /// The shape of the network's output for a row, as the loss reads it: lines, with the last axis as their columns.
    public Shape.Grid output() {
        return network.output();
    }

    /// Numbers in a prediction: lines times classes or outputs; 1 for binary labels and a single regression.
    public int outputs() {
        return outputs;
    }

    /// Numbers that the members of a mixture give a row, all together; 0 without a mixture.
    public int memberOutputs() {
        return memberOutputs;
    }

    /// Bytes of statistics and weights, which is what a snapshot holds.
    public long servedBytes() {
        return streams.servedBytes;
    }

    /// Bytes of statistics, weights and optimizer state in the two streams.
    public long parameterBytes() {
        return streams.servedBytes + streams.optimizerBytes;
    }

    /// The part of `parameterBytes` that every step changes: all tensors except frozen ones and tables of which only
    /// touched rows change.
    public long bytesOfEveryStep() {
        long bytes = 0;
        for (int tensor = 0; tensor < tensors.size(); tensor++) {
            Tensor declared = tensors.get(tensor);
            long values = (long) declared.rows() * declared.columns();
            if (declared instanceof Tensor.Statistics) {
                bytes += values * Double.BYTES;
            } else if (!isFrozen(tensor) && !(declared instanceof Tensor.Table table && table.touchedOnly())) {
                bytes += values * Float.BYTES * (1 + streams.stateParts);
            }
        }
        return bytes;
    }

    /// The number of weights, without padding.
    public long weights() {
        return streams.weights();
    }

    /// All tensors in plan order, which is also the order in the streams and of the random streams.
    public List<Tensor> tensors() {
        return tensors;
    }

    /// The factor of a tensor's rate: see `Rate`.
    public double rateFactor(int tensor) {
        return rules.get(tensor).rateFactor();
    }

    /// How a tensor is updated.
    UpdateRule rule(int tensor) {
        return rules.get(tensor);
    }

    /// The optimizer that updates a tensor.
    public Optimizer optimizer(int tensor) {
        return Objects.requireNonNullElse(rules.get(tensor).optimizer(), spec.optimizer());
    }

    /// Tensors that a layer makes start again.
    List<Restart> restarts() {
        return restarts;
    }

    /// How the members of its mixtures are weighed.
    List<MemberShares> mixtures() {
        return mixtures;
    }

    boolean isFrozen(int tensor) {
        return rateFactor(tensor) == 0;
    }

    /// Whether a step may change the whole tensor; otherwise it changes only the rows it touched, or nothing.
    boolean changesEveryStep(int tensor) {
        return switch (tensors.get(tensor)) {
            case Tensor.Statistics statistics -> true;
            case Tensor.Table table -> !table.touchedOnly() && !isFrozen(tensor);
            case Tensor.Matrix _,Tensor.Vector _ -> !isFrozen(tensor);
        };
    }

    /// One line `name rows columns` per tensor, in plan order.
    public String shapes() {
        return tensors.stream().map(tensor -> tensor.name() + " " + tensor.rows() + " " + tensor.columns() + "\n")
                .collect(Collectors.joining());
    }

    /// The index of the tensor of this name, such as `2.weight`.
    public int tensor(String name) {
        for (int tensor = 0; tensor < tensors.size(); tensor++) {
            if (tensors.get(tensor).name().equals(name)) {
                return tensor;
            }
        }
        throw new IllegalArgumentException(
                "no tensor is called " + name + "; there are " + tensors.stream().map(Tensor::name).toList());
    }

    /// The spec's network without a last activation that the loss applies itself. `Loss.predict` turns its output into
    /// predictions.
    public Layer beforeLoss() {
        return beforeLoss;
    }

    BatchLoss loss(int maxRows) {
        return new BatchLoss(spec.loss(), spec.reduction(), maxRows, output().lines(), output().width());
    }

    Planned network() {
        return network;
    }

    /// Whether a layer's output differs between learning and prediction, as dropout's does.
    boolean learnsDifferently() {
        return learnsDifferently;
    }

    Streams streams() {
        return streams;
    }
}
