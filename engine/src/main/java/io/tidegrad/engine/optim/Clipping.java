package io.tidegrad.engine.optim;

/// How the gradients of a step are limited before the penalty is added and the optimizer applies them, so that one
/// steep gradient can't move the weights far.
public sealed interface Clipping {
    /// No clipping: gradients are applied while they are computed and never stored.
    record None() implements Clipping {
    }

    /// Each element is clipped to ±limit.
    record Value(double limit) implements Clipping {
        public Value {
            Require.aboveZero("clipping by value", "a limit", limit);
        }
    }

    /// All gradients are multiplied by min(1, max / (norm + 1e-6)), where norm is the L2 norm of all tensors' gradients
    /// together; the direction does not change. Pascanu, Mikolov & Bengio 2013.
    record GlobalNorm(double max) implements Clipping {
        private static final double GUARD = 1e-6;

        public GlobalNorm {
            Require.aboveZero("clipping by global norm", "a norm", max);
        }

        public float factor(double norm) {
            return (float) Math.min(1, max / (norm + GUARD));
        }
    }
}
