package io.tidegrad.trainer.publish;

import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.snapshot.ServedLeaves;
import io.tidegrad.model.learn.OnlineModel;
import org.jspecify.annotations.Nullable;

/// Computes the weights-hash of a model that goes on learning, for which only leaves with changed pages are hashed
/// again.
final class WeightsHash {
    private @Nullable ServedLeaves leaves;
    private @Nullable PageSet stale; // pages changed since the leaves were hashed

    /// Called in every flush, before the dirty pages are cleared.
    void noteDirty(Parameters parameters) {
        PageSet changed = stale;
        if (changed == null) {
            changed = new PageSet(parameters.pages());
            stale = changed;
        }
        changed.addAll(parameters.dirty());
    }

    /// Returns the same as `OnlineModel.weightsHash`. Called right after `noteDirty`.
    String of(OnlineModel model) {
        Parameters parameters = model.parameters();
        ServedLeaves known = leaves;
        PageSet changed = stale;
        ServedLeaves now =
                known == null || changed == null ? ServedLeaves.of(parameters) : known.after(parameters, changed);
        if (changed != null) {
            changed.clear();
        }
        leaves = now;
        return now.weightsHash(model.spec().fingerprint(), parameters);
    }
}
