package io.tidegrad.scorer;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// The one place where tests break the scorer on purpose: a mistake that gives mixed answers, and that an oracle must
/// notice.
public enum Breaker {
    NONE,
    /// The next version is decoded into the memory that readers read: the swap's copy is gone.
    OVERWRITES_WHAT_IS_SERVED;

    public Scorer open(ScorerOptions options) {
        return switch (this) {
            case NONE -> Scorer.open(options);
            case OVERWRITES_WHAT_IS_SERVED -> {
                Map<String, Parameters> only = new ConcurrentHashMap<>();
                yield Scorer.open(
                        options, plan -> only.computeIfAbsent("only", key -> served(plan)));
            }
        };
    }

    private static Parameters served(Plan plan) {
        return Parameters.served(plan);
    }
}
