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
import io.tidegrad.engine.optim.StreamRms;
import io.tidegrad.model.spec.SpecNode.Choice;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// What a spec says of a step after its gradients, each declared once: `optimizer`, `gradient-clipping`,
/// `regularization`.
final class Optimizers {
    private static final Adam ADAM = Adam.of(0.001);
    private static final ValueType<Double> ALPHA =
            ValueType.decimal("a number from 0.000001 to 1000", value -> value >= 1e-6 && value <= 1000);
    private static final ValueType<Double> DECAY =
            ValueType.decimal("a number of updates above 0 and at most 1e15", value -> value > 0 && value <= 1e15);
    private static final ValueType<Double> LIMIT =
            ValueType.decimal("a number above 0 and at most 1e30", value -> (float) value > 0 && value <= 1e30);

    static final Forms<Optimizer> OPTIMIZERS = new Forms<>(List.of(new Form<>("sgd", Sgd.class, Optimizers::sgd),
            new Form<>("adagrad", Adagrad.class,
                    keys -> new Adagrad(keys.optional("rate", 0.01, ValueType.RATE, Adagrad::rate),
                            keys.optional("epsilon", 1e-10, ValueType.EPSILON, Adagrad::epsilon),
                            keys.optional("initial-accumulator", 0.0, ValueType.UP_TO_1000,
                                    Adagrad::initialAccumulator))),
            new Form<>("rmsprop", RmsProp.class,
                    keys -> new RmsProp(keys.optional("rate", 0.01, ValueType.RATE, RmsProp::rate),
                            keys.optional("alpha", 0.99, ValueType.FRACTION, RmsProp::alpha),
                            keys.optional("epsilon", 1e-8, ValueType.EPSILON, RmsProp::epsilon),
                            keys.optional("centered", false, ValueType.FLAG, RmsProp::centered),
                            keys.optional("momentum", 0.0, ValueType.FRACTION, RmsProp::momentum))),
            new Form<>("adam", Adam.class, keys -> adam(keys, adam -> adam)),
            new Form<>("adamw", AdamW.class,
                    keys -> new AdamW(adam(keys, AdamW::adam),
                            keys.optional("weight-decay", 0.01, ValueType.UP_TO_1000, AdamW::weightDecay))),
            new Form<>("ftrl", FtrlProximal.class,
                    keys -> new FtrlProximal(keys.required("alpha", "the learning rate", ALPHA, FtrlProximal::alpha),
                            keys.optional("beta", 1.0, ValueType.UP_TO_1000, FtrlProximal::beta),
                            keys.optional("l1", 0.0, ValueType.UP_TO_1000, FtrlProximal::l1),
                            keys.optional("l2", 0.0, ValueType.UP_TO_1000, FtrlProximal::l2))),
            new Form<>("stream-rms", StreamRms.class,
                    keys -> new StreamRms(keys.optional("rate", 0.02, ValueType.RATE, StreamRms::rate),
                            keys.optional("floor", 0.001, ValueType.UP_TO_1000, StreamRms::floor),
                            keys.optional("decay", 100.0, DECAY, StreamRms::decay),
                            keys.optional("alpha", 0.999, ValueType.FRACTION, StreamRms::alpha),
                            keys.optional("epsilon", 1e-8, ValueType.EPSILON, StreamRms::epsilon),
                            keys.optional("pull", 0.003, ValueType.UP_TO_1000, StreamRms::pull)))));

    static final Forms<Clipping> CLIPPINGS = new Forms<>(List.of(
            new Form<>("global-norm", Clipping.GlobalNorm.class,
                    keys -> new Clipping.GlobalNorm(keys.only(LIMIT, Clipping.GlobalNorm::max))),
            new Form<>("value", Clipping.Value.class,
                    keys -> new Clipping.Value(keys.only(LIMIT, Clipping.Value::limit)))));

    static final Form<Regularization> REGULARIZATION = new Form<>("regularization", Regularization.class,
            keys -> new Regularization(keys.optional("l1", 0.0, ValueType.UP_TO_1000, Regularization::l1),
                    keys.optional("l2", 0.0, ValueType.UP_TO_1000, Regularization::l2),
                    keys.optional("applies-to", Regularization.Scope.ALL,
                            ValueType.oneOf(Regularization.Scope.values()), Regularization::scope)));

    private Optimizers() {}

    private static Sgd sgd(Keys<Sgd> keys) {
        double rate = keys.required("rate", "the learning rate", ValueType.RATE, Sgd::rate);
        double momentum = keys.optional("momentum", 0.0, ValueType.FRACTION, Sgd::momentum);
        boolean nesterov = keys.optional("nesterov", false, ValueType.FLAG, Sgd::nesterov);
        if (nesterov && momentum == 0) {
            keys.problem("nesterov", "nesterov needs momentum above 0, like momentum: 0.9");
            nesterov = false;
        }
        return new Sgd(rate, momentum, nesterov);
    }

    private static <T> Adam adam(Keys<T> keys, Function<T, Adam> of) {
        return new Adam(keys.optional("rate", ADAM.rate(), ValueType.RATE, part -> of.apply(part).rate()),
                keys.optional("beta1", ADAM.beta1(), ValueType.FRACTION, part -> of.apply(part).beta1()),
                keys.optional("beta2", ADAM.beta2(), ValueType.FRACTION, part -> of.apply(part).beta2()),
                keys.optional("epsilon", ADAM.epsilon(), ValueType.EPSILON, part -> of.apply(part).epsilon()),
                keys.optional("amsgrad", false, ValueType.FLAG, part -> of.apply(part).amsgrad()));
    }

    /// After a mistake an optimizer of which nothing more is asked.
    static Optimizer read(SpecNode node) {
        for (String name : OPTIMIZERS.names(form -> !form.needsKeys())) {
            Optimizer byDefault = node.is(name) ? OPTIMIZERS.named(name).read(node.nothing()) : null;
            if (byDefault != null) {
                return byDefault;
            }
        }
        int before = node.problems();
        Choice choice = node.choice("optimizer", OPTIMIZERS.names(form -> true));
        Optimizer read = choice == null ? null : OPTIMIZERS.named(choice.kind()).read(choice.value());
        return read == null || node.problems() > before && read.hasFixedRate() ? ADAM : read;
    }

    static Clipping clipping(@Nullable SpecNode node) {
        Choice choice = node == null ? null : node.choice("clipping", CLIPPINGS.names(form -> true));
        Clipping read = choice == null ? null : CLIPPINGS.named(choice.kind()).read(choice.value());
        return read == null ? new Clipping.None() : read;
    }

    static Regularization regularization(@Nullable SpecNode node) {
        if (node == null) {
            return Regularization.NONE;
        }
        Mapping keys = REGULARIZATION.keys(node);
        if (keys.optional("l1") == null && keys.optional("l2") == null && node.isMapping()) {
            node.problem("expected l1, l2 or both, like { l2: 0.0001 }");
        }
        Regularization read = REGULARIZATION.read(node, keys);
        return read == null || read.l1() == 0 && read.l2() == 0 ? Regularization.NONE : read;
    }
}
