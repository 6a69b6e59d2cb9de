package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.ServedLeaves;
import io.tidegrad.model.spec.ModelSpec;

/// A snapshot that passed every check.
///
/// @param parameters served stream only; nobody writes them any more
/// @param leaves of the parameters
public record LoadedModel(SnapshotManifest manifest, ModelSpec spec, Plan plan, Parameters parameters,
        ServedLeaves leaves) {

    /// The same version as another epoch begins with it.
    public LoadedModel inEpoch(int epoch) {
        return new LoadedModel(manifest.inEpoch(epoch), spec, plan, parameters, leaves);
    }
}
