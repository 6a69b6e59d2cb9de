package io.tidegrad.model.learn;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.evaluation.ErrorAlarm;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.OnChange;
import org.jspecify.annotations.Nullable;

/// What a model does when its error is not what it has been: an alarm that begins raises the rate for some examples, resets
/// the optimizer's state, or both, once the mini-batch in which it began is learned. An alarm that lasts does so once.
final class Reactions {
    private final OnChange spec;
    private final ErrorAlarm alarm;
    private boolean due; // an alarm has begun in the batch that is looked at
    private long count;
    private long raisedUntil; // examples learned

    private Reactions(ModelSpec model, OnChange spec) {
        this.spec = spec;
        alarm = new ErrorAlarm(model, spec.falseAlarms());
    }

    /// Null where the spec has none.
    static @Nullable Reactions of(ModelSpec spec) {
        OnChange onChange = spec.onChange();
        return onChange == null ? null : new Reactions(spec, onChange);
    }

    /// Looks at a row that was learned, with its arguments as in `ProgressiveEvaluation.addRow`.
    void learned(float[] predictions, int at, float[] of, int labelAt) {
        due |= alarm.addRow(predictions, at, of, labelAt);
    }

    /// Reacts, if there is something to react to, when all rows of a batch were looked at.
    void react(Parameters parameters) {
        if (!due) {
            return;
        }
        due = false;
        count++;
        if (spec.resetsOptimizer()) {
            parameters.resetOptimizer();
        }
        OnChange.Raise raise = spec.raise();
        raisedUntil = raise == null ? 0 : parameters.examples() + raise.examples();
    }

    /// Returns what multiplies the rate of the next update.
    double rateMultiplier(Parameters parameters) {
        OnChange.Raise raise = spec.raise();
        return raise != null && raisedFor(parameters) > 0 ? raise.by() : 1;
    }

    /// How many more examples the rate is raised for.
    long raisedFor(Parameters parameters) {
        return Math.max(0, raisedUntil - parameters.examples());
    }

    long count() {
        return count;
    }

    void write(BinaryWriter to) {
        to.int64(count).int64(raisedUntil);
        alarm.write(to);
    }

    void read(BinaryReader from) {
        count = from.int64();
        raisedUntil = from.int64();
        alarm.read(from);
    }
}
