package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.spec.ModelSpec;

/// A snapshot that passed every check.
///
/// @param parameters served stream only; nobody writes them any more
public record LoadedModel(
        SnapshotManifest manifest, ModelSpec spec, Plan plan, Parameters parameters) {}
