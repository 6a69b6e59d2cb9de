package io.tidegrad.engine.layer;

import io.tidegrad.engine.optim.Optimizer;
import org.jspecify.annotations.Nullable;

/// How the layers around a tensor want it to be updated.
///
/// @param rateFactor the factor of its rate (`Rate`); 0 if it is frozen
/// @param optimizer its own (`OwnOptimizer`); null for the network's
/// @param inputBound the number of the `InputBound` that it lies in, from 1; `UNBOUNDED` for none
public record UpdateRule(double rateFactor, @Nullable Optimizer optimizer, int inputBound) {
    public static final int UNBOUNDED = 0;

    static final UpdateRule PLAIN = new UpdateRule(1, null, UNBOUNDED);

    UpdateRule withRate(double factor) {
        return new UpdateRule(rateFactor * factor, optimizer, inputBound);
    }

    UpdateRule withOptimizer(Optimizer own) {
        return new UpdateRule(rateFactor, own, inputBound);
    }

    UpdateRule withInputBound(int bound) {
        return new UpdateRule(rateFactor, optimizer, bound);
    }
}
