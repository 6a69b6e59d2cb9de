package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.ServedLeaves;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;

/// A snapshot that passed every check.
///
/// @param parameters the served stream only; never written again
/// @param leaves hashes of the parameters' leaves
public record LoadedModel(SnapshotManifest manifest, ModelSpec spec, Plan plan, Parameters parameters,
        ServedLeaves leaves) {

    /// Names of the classes, each at its index: those that the spec says, or those that the version has learned; empty
    /// where there are none.
    public List<String> classes() {
        return spec.label().learnsClasses() ? manifest.classes() : spec.label().classes();
    }

    /// The same version as the first one of another epoch.
    public LoadedModel inEpoch(int epoch) {
        return new LoadedModel(manifest.inEpoch(epoch), spec, plan, parameters, leaves);
    }
}
