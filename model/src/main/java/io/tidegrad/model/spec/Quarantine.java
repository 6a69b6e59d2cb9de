package io.tidegrad.model.spec;

import io.tidegrad.model.spec.SpecNode.Mapping;
import org.jspecify.annotations.Nullable;

/// Which events a model refuses to learn, each judged by itself before it changes anything (`OnlineModel.accept`).
///
/// @param loss the most that an event's loss may be; infinite: whatever is finite
/// @param gradient the most that the norm of its gradient may be, likewise
public record Quarantine(double loss, double gradient) {
    public static final Quarantine NONE = new Quarantine(Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY);

    private static final ValueType<Double> BOUND =
            ValueType.decimal("a number above 0 and at most 1e30", value -> value > 0 && value <= 1e30);

    static final Form<Quarantine> FORM = new Form<>("quarantine", Quarantine.class,
            keys -> new Quarantine(keys.optional("loss", NONE.loss, BOUND, Quarantine::loss),
                    keys.optional("gradient", NONE.gradient, BOUND, Quarantine::gradient)));

    static Quarantine read(@Nullable SpecNode node) {
        if (node == null) {
            return NONE;
        }
        Mapping keys = FORM.keys(node);
        if (keys.optional("loss") == null && keys.optional("gradient") == null && node.isMapping()) {
            node.problem("expected loss, gradient or both, like { loss: 20 }");
        }
        Quarantine read = FORM.read(node, keys);
        return read == null ? NONE : read;
    }

    /// Whether events are judged at all.
    public boolean judges() {
        return !equals(NONE);
    }

    public boolean judgesGradients() {
        return gradient < Double.POSITIVE_INFINITY;
    }
}
