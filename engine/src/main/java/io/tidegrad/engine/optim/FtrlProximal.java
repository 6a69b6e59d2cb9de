package io.tidegrad.engine.optim;

import io.tidegrad.engine.kernel.OptimizerStep;
import java.util.List;

/// McMahan et al. 2013 ("Ad Click Prediction: a View from the Trenches"), algorithm 1, per coordinate. With the
/// gradient g at the present w: sigma = (sqrt(n + g²) - sqrt(n)) / alpha; z += g - sigma w; n += g²; then
///
/// w = 0 if |z| ≤ l1, else -(z - sign(z) l1) / ((beta + sqrt(n)) / alpha + l2)
///
/// which minimises the sum of all linearised losses so far plus l1 |w| + l2/2 w². With l1 above 0, weights of
/// uninformative features are exactly 0. State per weight: z, n.
///
/// The paper starts at z = n = 0, which gives w = 0. If weights start elsewhere, as those of hidden layers must, z
/// starts at the value that gives them, z = -w ((beta + sqrt(0)) / alpha + l2) - sign(w) l1; for w = 0 that is the
/// paper's 0. (With beta = l2 = 0 there is no such z: a weight restarts from 0 with its first gradient.)
///
/// w is a function of z and n for one constant alpha, so FTRL allows neither a schedule nor a layer's own rate; a layer
/// can be frozen.
///
/// @param l1 FTRL's own l1, in addition to that of a `Regularization`, whose gradient is part of g
/// @param l2 FTRL's own l2
public record FtrlProximal(double alpha, double beta, double l1, double l2) implements Optimizer {
    private static final List<String> STATE = List.of("z", "n");

    public FtrlProximal {
        Require.aboveZero("ftrl-proximal", "alpha", alpha);
        Require.aboveZero("ftrl-proximal", "1 / alpha", 1 / alpha);
        Require.atLeastZero("ftrl-proximal", "beta", beta);
        Require.atLeastZero("ftrl-proximal", "l1", l1);
        Require.atLeastZero("ftrl-proximal", "l2", l2);
    }

    @Override
    public List<String> stateNames() {
        return STATE;
    }

    @Override
    public float initialState(int part, float weight) {
        return part == 1 ? (float) -(weight * (beta / alpha + l2) + Math.signum(weight) * l1) : 0;
    }

    @Override
    public double rate() {
        return alpha;
    }

    @Override
    public boolean hasFixedRate() {
        return true;
    }

    @Override
    public FtrlProximal withRate(double rate) {
        return new FtrlProximal(rate, beta, l1, l2);
    }

    @Override
    public void prepare(long t, OptimizerStep step) {
        step.kind = OptimizerStep.Kind.FTRL;
        step.inverseAlpha = (float) (1 / alpha);
        step.beta = (float) beta;
        step.threshold = (float) l1;
        step.ridge = (float) l2;
    }
}
