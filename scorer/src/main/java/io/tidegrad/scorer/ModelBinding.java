package io.tidegrad.scorer;

import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.spec.ModelSpec;

/// A spec and its plan, which all versions with the same spec share. Sessions rebuild their workspace when it changes,
/// which happens only with a new epoch.
///
/// @param recent rows of recent requests for this spec
record ModelBinding(ModelSpec spec, Plan plan, RecentRequests recent) {
    ModelBinding(ModelSpec spec, Plan plan) {
        this(spec, plan, new RecentRequests(plan.spec().row()));
    }
}
