package io.tidegrad.model.spec;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
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

/// Every `loss` that a spec can name, each declared once.
final class Losses {
    private static final String CLASS_WEIGHTS = "class-weights";
    private static final ValueType<Double> WEIGHT =
            ValueType.decimal("a number from 0.000001 to 1000000", value -> value >= 1e-6 && value <= 1e6);
    private static final ValueType<Integer> BLANK = ValueType.whole(0, Layers.UNITS_MAX - 1);
    private static final ValueType<Double> DELTA =
            ValueType.decimal("a number above 0 and at most 1e15", value -> (float) value > 0 && value <= 1e15);
    private static final ValueType<List<Double>> QUANTILES =
            ValueType.list("", ValueType.POSITIVE).readBy(Losses::quantiles);

    static final Forms<Loss> FORMS = new Forms<>(List.of(
            new Form<>("binary-cross-entropy", BinaryCrossEntropy.class, Losses::binaryCrossEntropy),
            new Form<>("categorical-cross-entropy", CategoricalCrossEntropy.class, keys -> new CategoricalCrossEntropy(
                    false, true,
                    keys.optional("label-smoothing", 0.0, ValueType.FRACTION, CategoricalCrossEntropy::labelSmoothing),
                    keys.optional(CLASS_WEIGHTS, List.of(), ValueType.list("weights, one a class", WEIGHT),
                            CategoricalCrossEntropy::classWeights),
                    null)),
            new Form<>("mean-squared-error", MeanSquaredError.class, keys -> new MeanSquaredError()),
            new Form<>("mean-absolute-error", MeanAbsoluteError.class, keys -> new MeanAbsoluteError()),
            new Form<>("huber", Huber.class, keys -> new Huber(keys.optional("delta", 1.0, DELTA, Huber::delta))),
            new Form<>("poisson", Poisson.class, keys -> new Poisson()),
            new Form<>("quantile", Quantile.class,
                    keys -> new Quantile(keys.required("quantiles", "a list of numbers between 0 and 1", QUANTILES,
                            Quantile::quantiles))),
            new Form<>("hinge", Hinge.class, keys -> new Hinge()), new Form<>("ctc", Ctc.class,
                    // The label says how much room it needs.
                    keys -> new Ctc(keys.optional("blank", 0, BLANK, Ctc::blank), 1, true, false))));

    private Losses() {}

    /// @param classWeights where they stand, if anywhere
    record Read(@Nullable Loss loss, @Nullable SpecNode classWeights) {
    }

    static Read read(SpecNode node) {
        Read nothing = new Read(null, null);
        if (!node.isMapping()) {
            String name = node.name(FORMS.names(form -> true));
            if (name == null) {
                return nothing;
            }
            if (FORMS.named(name).needsKeys()) {
                node.problem("quantile needs its quantiles, like { quantile: { quantiles: [0.1, 0.5, 0.9] } }");
                return nothing;
            }
            return new Read(FORMS.named(name).read(node.nothing()), null);
        }
        Choice choice = node.choice("loss with settings", FORMS.names(Form::hasKeys));
        if (choice == null) {
            return nothing;
        }
        Form<? extends Loss> form = FORMS.named(choice.kind());
        Mapping keys = form.keys(choice.value());
        return new Read(form.read(choice.value(), keys), keys.find(CLASS_WEIGHTS));
    }

    private static BinaryCrossEntropy binaryCrossEntropy(Keys<BinaryCrossEntropy> keys) {
        double weight = keys.optional("positive-weight", 1.0, WEIGHT,
                loss -> loss.positiveWeights().isEmpty() ? 1 : loss.positiveWeights().getFirst());
        return new BinaryCrossEntropy(weight == 1 ? List.of() : List.of(weight));
    }

    /// Empty after a mistake: which quantiles there are is not known then.
    private static List<Double> quantiles(SpecNode list) {
        int before = list.problems();
        List<Double> quantiles = new ArrayList<>();
        for (SpecNode entry : list.list("quantiles, like [0.1, 0.5, 0.9]")) {
            double q = entry.decimal("a number from 0.000001 to 0.999999", value -> value >= 1e-6 && value <= 1 - 1e-6);
            if (q > 0 && quantiles.contains(q)) {
                entry.problem("the quantile " + q + " is there already");
            }
            quantiles.add(q);
        }
        return list.problems() > before ? List.of() : quantiles;
    }
}
