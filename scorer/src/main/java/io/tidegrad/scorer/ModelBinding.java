package io.tidegrad.scorer;

import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.spec.ModelSpec;

/// A spec and its plan: what all versions with the same spec share. Sessions rebuild their workspace when it changes,
/// which happens only with a new epoch.
///
/// @param recent rows that were asked for by this spec
record ModelBinding(ModelSpec spec, Plan plan, RecentRequests recent) {
    ModelBinding(ModelSpec spec, Plan plan) {
        this(spec, plan, new RecentRequests(plan.spec().row()));
    }
}
