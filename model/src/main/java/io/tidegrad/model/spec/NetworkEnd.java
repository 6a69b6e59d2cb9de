package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the loss asks of the network's end.
final class NetworkEnd {
    private NetworkEnd() {}

    /// @param layers at least one
    /// @param output what the network puts out for a row
    static void check(SpecNode network, List<NetworkLayer> layers, Shape.Grid output, Loss loss,
            SpecReader.LabelKeys label, List<Feature> features, @Nullable SpecNode classWeights) {
        if (!(label.kind().isList() ? endsInSteps(network, output, label, features) : endsInVector(network, output))) {
            return;
        }
        SpecNode classes = label.classes();
        int outputs = output.width();
        // Null for what is no activation: its numbers are what the loss makes predictions of.
        Layer last = layers.getLast() instanceof NetworkLayer.Single single && Layers.isActivation(single.plain())
                ? single.plain() : null;
        String name = Losses.FORMS.of(loss).name();
        switch (loss) {
            case BinaryCrossEntropy binary -> {
                checkYesOrNo(network, name, outputs);
                if (last != null && !(last instanceof Sigmoid)) {
                    network.problem(endsIn(name, "dense or sigmoid", last));
                }
            }
            case Hinge hinge -> {
                checkYesOrNo(network, name, outputs);
                if (last != null && !(last instanceof Tanh)) {
                    network.problem(endsIn(name, "dense or tanh", last));
                }
            }
            case CategoricalCrossEntropy categorical -> {
                if (outputs < 2) {
                    network.problem(name + " needs a last dense with one output a class," + " at least 2, found "
                            + outputs + "; for yes or no use binary-cross-entropy");
                }
                if (last != null && !(last instanceof Softmax)) {
                    network.problem(endsIn(name, "dense or softmax", last));
                }
                if (classes != null && label.learnsClasses()) {
                    checkRoom(classes, label.room(), outputs);
                } else if (classes != null) {
                    boolean named = classes.isList();
                    int before = classes.problems();
                    int stated = named ? label.names().size() : SpecReader.number(classes);
                    if (stated != outputs && classes.problems() == before) {
                        classes.problem("expected " + outputs + (named ? " names" : "")
                                + ", the outputs of the last dense, found " + stated);
                    }
                }
                int weights = categorical.classWeights().size();
                if (classWeights != null && label.learnsClasses()) {
                    classWeights
                            .problem("expected no weights, because which class is which output is known only once it"
                                    + " is learned (label: classes: auto); name the classes instead");
                } else if (classWeights != null && weights != outputs) {
                    classWeights.problem(
                            "expected " + outputs + " weights, one an output of the last dense, found " + weights);
                }
            }
            case Poisson poisson -> {
                checkOneLabel(network, name, outputs, last);
                if (last != null && !(last instanceof Softmax)) {
                    network.problem(endsIn(name, "dense, the logarithm of the rate", last));
                }
            }
            case MeanSquaredError _,MeanAbsoluteError _,Huber _ -> checkOneLabel(network, name, outputs, last);
            case Quantile(List<Double> quantiles) -> {
                if (outputs != quantiles.size()) {
                    network.problem(name + " needs a last dense of " + quantiles.size()
                            + ", an output a quantile, found " + outputs);
                }
                if (last instanceof Softmax) {
                    network.problem(name + " can't follow softmax: its outputs share out 1");
                }
            }
            case Ctc ctc -> {
                if (outputs < Math.max(2, ctc.blank() + 1)) {
                    network.problem(
                            name + " needs a last dense with one output a class, the blank among them, at least "
                                    + Math.max(2, ctc.blank() + 1) + ", found " + outputs);
                }
                if (last != null) {
                    network.problem(endsIn(name, "dense", last));
                }
            }
            case FakeNegativeWeighted _ -> throw new IllegalStateException("no spec can name " + loss);
        }
    }

    /// @param stated what the spec says, if it says it
    private static void checkRoom(SpecNode classes, int stated, int outputs) {
        if (classes.isMapping() && stated >= 2 && stated != outputs) {
            classes.problem(
                    "expected room for " + outputs + " classes, the outputs of the last dense, found " + stated);
        } else if (outputs > ModelSpec.Label.ROOM_MAX) {
            classes.problem("expected a last dense of at most " + ModelSpec.Label.ROOM_MAX
                    + " outputs, the room for classes that are learned, found " + outputs);
        }
    }

    private static boolean endsInVector(SpecNode network, Shape.Grid output) {
        if (output.axes().size() != 1) {
            network.problem(
                    "a label belongs to a whole row, unless it says kind: steps: expected a network that ends in"
                            + " a vector (flatten, global-average-pool, a recurrent layer's output: last), found "
                            + output);
        }
        return output.axes().size() == 1;
    }

    private static boolean endsInSteps(SpecNode network, Shape.Grid output, SpecReader.LabelKeys label,
            List<Feature> features) {
        if (output.axes().size() != 2) {
            network.problem("the label is a list: expected a network that ends in (steps, classes)"
                    + " (a recurrent layer's output: sequence, then dense), found " + output);
            return false;
        }
        if ((long) output.lines() * output.width() > Layers.UNITS_MAX) {
            network.problem("expected at most " + Layers.UNITS_MAX + " numbers of a prediction, found " + output.lines()
                    + " steps of " + output.width());
            return false;
        }
        if (label.kind() == ModelSpec.Label.Kind.SEQUENCE && label.count() > output.lines()) {
            network.problem("expected as many steps as a label may have classes, " + label.count() + ", found "
                    + output.lines() + ": no step has two classes");
            return false;
        }
        SpecNode lengths = label.lengthsAt();
        int most = Feature.steps(features, label.lengths());
        if (lengths != null && most >= 0 && most != output.lines()) {
            lengths.problem("expected a feature of " + output.lines()
                    + " steps, as many as the network ends in, found one of " + most);
        }
        return true;
    }

    /// What comes out of these layers whatever goes in; null unless they end in a dense and activations.
    static Shape.@Nullable Grid ofLastDense(List<NetworkLayer> layers) {
        for (NetworkLayer layer : layers.reversed()) {
            if (!(layer instanceof NetworkLayer.Single single)) {
                return null;
            }
            if (single.plain() instanceof Dense dense) {
                return Shape.Grid.vector(dense.outputs());
            }
            if (!Layers.isActivation(single.plain())) {
                return null;
            }
        }
        return null;
    }

    private static void checkYesOrNo(SpecNode network, String loss, int outputs) {
        if (outputs != 1) {
            network.problem(loss + " needs a last dense of 1, found " + outputs
                    + "; for more classes use categorical-cross-entropy");
        }
    }

    private static void checkOneLabel(SpecNode network, String loss, int outputs, @Nullable Layer last) {
        if (outputs != 1) {
            network.problem(loss + " needs a last dense of 1 (one label field), found " + outputs);
        }
        if (last instanceof Softmax) {
            network.problem(loss + " can't follow softmax: one output would always be 1");
        }
    }

    private static String endsIn(String loss, String expected, Layer last) {
        return loss + " needs a network that ends in " + expected + ", found "
                + CanonicalNetwork.layer(new NetworkLayer.Single(last), false);
    }
}
