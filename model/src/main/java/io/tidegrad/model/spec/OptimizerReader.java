package io.tidegrad.model.spec;

import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.AdamW;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.RmsProp;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.model.spec.SpecNode.Choice;
import io.tidegrad.model.spec.SpecNode.Mapping;
import org.jspecify.annotations.Nullable;

/// What a spec says of a step after its gradients: `optimizer`, `gradient-clipping`, `regularization`.
final class OptimizerReader {
    private OptimizerReader() {}

    static Optimizer read(SpecNode node) {
        if (node.is("adam")) {
            return ModelSpec.ADAM;
        }
        if (node.is("adamw")) {
            return ModelSpec.ADAMW;
        }
        if (node.is("adagrad")) {
            return ModelSpec.ADAGRAD;
        }
        if (node.is("rmsprop")) {
            return ModelSpec.RMSPROP;
        }
        Choice choice = node.choice("optimizer", "sgd", "adagrad", "rmsprop", "adam", "adamw", "ftrl");
        if (choice == null) {
            return ModelSpec.ADAM;
        }
        return switch (choice.kind()) {
            case "sgd" -> sgd(choice.value());
            case "adagrad" -> adagrad(choice.value());
            case "rmsprop" -> rmsProp(choice.value());
            case "adamw" -> adamW(choice.value());
            case "ftrl" -> ftrl(choice.value());
            default -> adam(choice.value().mapping("rate", "beta1", "beta2", "epsilon", "amsgrad"));
        };
    }

    private static Sgd sgd(SpecNode node) {
        Mapping keys = node.mapping("rate", "momentum", "nesterov");
        double rate = rate(keys.required("rate", "the learning rate"));
        double momentum = fraction(keys.optional("momentum"), 0);
        SpecNode nesterovNode = keys.optional("nesterov");
        boolean nesterov = nesterovNode != null && nesterovNode.bool();
        if (nesterovNode != null && nesterov && momentum == 0) {
            nesterovNode.problem("nesterov needs momentum above 0, like momentum: 0.9");
            nesterov = false;
        }
        return new Sgd(rate, momentum, nesterov);
    }

    private static Adagrad adagrad(SpecNode node) {
        Mapping keys = node.mapping("rate", "epsilon", "initial-accumulator");
        SpecNode rate = keys.optional("rate");
        SpecNode initial = keys.optional("initial-accumulator");
        return new Adagrad(rate == null ? ModelSpec.ADAGRAD.rate() : rate(rate),
                epsilon(keys.optional("epsilon"), ModelSpec.ADAGRAD.epsilon()),
                initial == null ? ModelSpec.ADAGRAD.initialAccumulator()
                        : initial.decimal("a number from 0 to 1000", value -> value >= 0 && value <= 1000));
    }

    private static RmsProp rmsProp(SpecNode node) {
        Mapping keys = node.mapping("rate", "alpha", "epsilon", "centered", "momentum");
        SpecNode rate = keys.optional("rate");
        SpecNode centered = keys.optional("centered");
        return new RmsProp(rate == null ? ModelSpec.RMSPROP.rate() : rate(rate),
                fraction(keys.optional("alpha"), ModelSpec.RMSPROP.alpha()),
                epsilon(keys.optional("epsilon"), ModelSpec.RMSPROP.epsilon()), centered != null && centered.bool(),
                fraction(keys.optional("momentum"), 0));
    }

    private static AdamW adamW(SpecNode node) {
        Mapping keys = node.mapping("rate", "beta1", "beta2", "epsilon", "amsgrad", "weight-decay");
        SpecNode decay = keys.optional("weight-decay");
        return new AdamW(adam(keys), decay == null ? ModelSpec.ADAMW.weightDecay() : penalty(decay));
    }

    private static Optimizer ftrl(SpecNode node) {
        int before = node.problems();
        Mapping keys = node.mapping("alpha", "beta", "l1", "l2");
        SpecNode beta = keys.optional("beta");
        double alpha = keys.required("alpha", "the learning rate").decimal("a number from 0.000001 to 1000",
                value -> value >= 1e-6 && value <= 1000);
        double scale = beta == null ? 1 : beta.decimal("a number from 0 to 1000", value -> value >= 0 && value <= 1000);
        double l1 = penalty(keys.optional("l1"));
        double l2 = penalty(keys.optional("l2"));
        return node.problems() > before ? ModelSpec.ADAM : new FtrlProximal(alpha, scale, l1, l2);
    }

    private static Adam adam(Mapping keys) {
        SpecNode rate = keys.optional("rate");
        SpecNode amsgrad = keys.optional("amsgrad");
        return new Adam(rate == null ? ModelSpec.ADAM.rate() : rate(rate),
                fraction(keys.optional("beta1"), ModelSpec.ADAM.beta1()),
                fraction(keys.optional("beta2"), ModelSpec.ADAM.beta2()),
                epsilon(keys.optional("epsilon"), ModelSpec.ADAM.epsilon()), amsgrad != null && amsgrad.bool());
    }

    static Clipping clipping(@Nullable SpecNode node) {
        Choice choice = node == null ? null : node.choice("clipping", "global-norm", "value");
        if (choice == null) {
            return new Clipping.None();
        }
        double limit = choice.value().decimal("a number above 0 and at most 1e30",
                value -> (float) value > 0 && value <= 1e30);
        if (limit == 0) { // a mistake, reported already
            return new Clipping.None();
        }
        return choice.kind().equals("value") ? new Clipping.Value(limit) : new Clipping.GlobalNorm(limit);
    }

    static Regularization regularization(@Nullable SpecNode node) {
        if (node == null) {
            return Regularization.NONE;
        }
        Mapping keys = node.mapping("l1", "l2", "applies-to");
        SpecNode l1 = keys.optional("l1");
        SpecNode l2 = keys.optional("l2");
        SpecNode scope = keys.optional("applies-to");
        boolean weightsOnly = scope != null && "weights".equals(scope.name("all", "weights"));
        if (l1 == null && l2 == null && node.isMapping()) {
            node.problem("expected l1, l2 or both, like { l2: 0.0001 }");
        }
        double absolute = penalty(l1);
        double squared = penalty(l2);
        return absolute == 0 && squared == 0 ? Regularization.NONE : new Regularization(absolute, squared,
                weightsOnly ? Regularization.Scope.WEIGHTS : Regularization.Scope.ALL);
    }

    private static double penalty(@Nullable SpecNode node) {
        return node == null ? 0 : node.decimal("a number from 0 to 1000", value -> value >= 0 && value <= 1000);
    }

    private static double epsilon(@Nullable SpecNode node, double byDefault) {
        double epsilon = node == null ? byDefault
                : node.decimal("a number above 0 and at most 1", value -> (float) value > 0 && value <= 1);
        // 0 stands for a mistake, which is reported already.
        return epsilon == 0 ? byDefault : epsilon;
    }

    private static double rate(SpecNode node) {
        return node.decimal("a number above 0 and at most 1000", value -> (float) value > 0 && value <= 1000);
    }

    static double fraction(@Nullable SpecNode node, double byDefault) {
        return node == null ? byDefault
                : node.decimal("a number from 0 to below 1", value -> value >= 0 && (float) value < 1);
    }
}
