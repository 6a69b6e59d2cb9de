package io.tidegrad.model.spec;

import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.StreamRms;
import io.tidegrad.model.spec.SpecNode.Mapping;
import org.jspecify.annotations.Nullable;

/// How a model learns when its error is not what it has been (`Reactions`): at least one of two things.
///
/// @param falseAlarms labels between two alarms about nothing, as expected
/// @param raise null: the rate stays as scheduled
public record OnChange(long falseAlarms, @Nullable Raise raise, boolean resetsOptimizer) {
    static final long FALSE_ALARMS_MAX = 1_000_000_000_000L;

    private static final long FALSE_ALARMS = 1_000_000;

    /// @param by what multiplies the scheduled rate
    /// @param examples how many examples long
    public record Raise(double by, long examples) {
        private static final Form<Raise> FORM =
                new Form<>("raise-rate", Raise.class,
                        keys -> new Raise(
                                keys.required("by", "what multiplies the rate",
                                        ValueType.decimal("a number above 1 and at most 1000",
                                                by -> by > 1 && by <= 1_000),
                                        Raise::by),
                                keys.required("for", "how many events long", ValueType.whole(1L, 1_000_000_000L),
                                        Raise::examples)));

        private static final Raise UNREADABLE = new Raise(2, 1);

        private static Raise read(SpecNode node) {
            Raise read = FORM.read(node);
            return read == null ? UNREADABLE : read;
        }
    }

    static final Form<OnChange> FORM = new Form<>("on-change", OnChange.class, keys -> new OnChange(
            keys.optional("false-alarms-every", FALSE_ALARMS, ValueType.whole(1_000L, FALSE_ALARMS_MAX),
                    OnChange::falseAlarms),
            keys.orNull("raise-rate", new ValueType<>(Raise::read, raise -> Raise.FORM.keysOf(raise).toString()),
                    OnChange::raise),
            keys.optional("reset-optimizer", false, ValueType.FLAG, OnChange::resetsOptimizer)));

    /// All that a spec says about a change.
    ///
    /// @param reactions null: the model does nothing
    /// @param challenger whether another model begins; it changes no weight of this one
    record Read(@Nullable OnChange reactions, boolean challenger) {
        static final Read NOTHING = new Read(null, false);
    }

    static Read read(@Nullable SpecNode node, ModelSpec.Label.Kind label, Optimizer optimizer) {
        if (node == null) {
            return Read.NOTHING;
        }
        Mapping keys = FORM.keys(node, "challenger");
        OnChange read = FORM.read(node, keys);
        if (read == null || !node.isMapping()) {
            return Read.NOTHING;
        }
        SpecNode challenger = keys.optional("challenger");
        boolean begins = challenger != null && challenger.bool();
        boolean reacts = read.raise != null || read.resetsOptimizer;
        if (!reacts && !begins) {
            node.problem("expected raise-rate, reset-optimizer: true, challenger: true or several of them,"
                    + " like { raise-rate: { by: 3, for: 5000 } }");
        }
        SpecNode every = keys.optional("false-alarms-every");
        if (every != null && begins && !reacts) {
            every.problem("a challenger begins at the alarm of watch: expected it there");
        }
        if (read.raise != null && optimizer.hasFixedRate()) {
            keys.required("raise-rate", "").problem("ftrl has one rate (alpha) for all updates: expected none");
        }
        if (read.resetsOptimizer && optimizer.stateParts() == 0) {
            keys.required("reset-optimizer", "").problem("sgd without momentum has no state: expected false");
        }
        if (read.resetsOptimizer && optimizer instanceof StreamRms) {
            keys.required("reset-optimizer", "").problem("the first steps of stream-rms would be 30 times its rate, for"
                    + " its correction counts all updates: expected false, or raise-rate");
        }
        if (label == ModelSpec.Label.Kind.SEQUENCE) {
            node.problem("labels that are sequences have no error to watch; expected none");
        }
        return new Read(reacts ? read : null, begins);
    }
}
