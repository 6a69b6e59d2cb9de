package io.tidegrad.model.spec;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.model.spec.SpecNode.Choice;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The `loss` of a spec.
final class LossReader {
    private LossReader() {}

    /// @param classWeights where they stand, if anywhere
    record Keys(@Nullable Loss loss, @Nullable SpecNode classWeights) {
        Keys(@Nullable Loss loss) {
            this(loss, null);
        }
    }

    static Keys read(SpecNode node) {
        if (!node.isMapping()) {
            String name = node.name("binary-cross-entropy", "categorical-cross-entropy", "mean-squared-error",
                    "mean-absolute-error", "huber", "poisson", "quantile", "hinge");
            return new Keys(switch (name) {
                case null -> null;
                case "binary-cross-entropy" -> new BinaryCrossEntropy();
                case "categorical-cross-entropy" -> new CategoricalCrossEntropy(false);
                case "mean-squared-error" -> new MeanSquaredError();
                case "mean-absolute-error" -> new MeanAbsoluteError();
                case "huber" -> ModelSpec.HUBER;
                case "poisson" -> new Poisson();
                case "hinge" -> new Hinge();
                default -> {
                    node.problem(
                            "quantile needs its quantiles, like" + " { quantile: { quantiles: [0.1, 0.5, 0.9] } }");
                    yield null;
                }
            });
        }
        Choice choice = node.choice("loss with settings", "binary-cross-entropy", "categorical-cross-entropy", "huber",
                "quantile");
        if (choice == null) {
            return new Keys(null);
        }
        SpecNode value = choice.value();
        return switch (choice.kind()) {
            case "binary-cross-entropy" -> new Keys(binaryCrossEntropy(value));
            case "categorical-cross-entropy" -> categoricalCrossEntropy(value);
            case "huber" -> new Keys(huber(value));
            default -> new Keys(quantile(value));
        };
    }

    private static Loss binaryCrossEntropy(SpecNode node) {
        SpecNode positive = node.mapping("positive-weight").optional("positive-weight");
        double weight = positive == null ? 1 : weight(positive);
        return new BinaryCrossEntropy(weight == 1 ? List.of() : List.of(weight));
    }

    private static Keys categoricalCrossEntropy(SpecNode node) {
        Mapping keys = node.mapping("label-smoothing", "class-weights");
        double smoothing = OptimizerReader.fraction(keys.optional("label-smoothing"), 0);
        SpecNode list = keys.optional("class-weights");
        List<Double> weights =
                list == null ? List.of() : list.list("weights, one a class").stream().map(LossReader::weight).toList();
        return new Keys(new CategoricalCrossEntropy(false, true, smoothing, weights, null), list);
    }

    private static double weight(SpecNode node) {
        return orOne(node.decimal("a number from 0.000001 to 1000000", value -> value >= 1e-6 && value <= 1e6));
    }

    private static Loss huber(SpecNode node) {
        SpecNode delta = node.mapping("delta").optional("delta");
        return delta == null ? ModelSpec.HUBER : new Huber(
                orOne(delta.decimal("a number above 0 and at most 1e15", value -> (float) value > 0 && value <= 1e15)));
    }

    /// 0 stands for a mistake, which is reported already.
    private static double orOne(double value) {
        return value == 0 ? 1 : value;
    }

    private static @Nullable Loss quantile(SpecNode node) {
        SpecNode list = node.mapping("quantiles").required("quantiles", "a list of numbers between 0 and 1");
        List<Double> quantiles = new ArrayList<>();
        for (SpecNode entry : list.list("quantiles, like [0.1, 0.5, 0.9]")) {
            double q = entry.decimal("a number from 0.000001 to 0.999999", value -> value >= 1e-6 && value <= 1 - 1e-6);
            if (q > 0 && quantiles.contains(q)) {
                entry.problem("the quantile " + q + " is there already");
            }
            quantiles.add(q);
        }
        return quantiles.isEmpty() || quantiles.contains(0.0) ? null : new Quantile(quantiles);
    }
}
