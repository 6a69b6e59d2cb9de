package io.tidegrad.engine.optim;

/// What is done to the gradients of a step before the penalty is added and the optimizer sees them, so that one steep
/// place can't throw the weights far away.
public sealed interface Clipping {
    /// Nothing: gradients are applied while they are computed, and never stored.
    record None() implements Clipping {
    }

    /// Each element is held within ±limit.
    record Value(double limit) implements Clipping {
        public Value {
            Require.aboveZero("clipping by value", "a limit", limit);
        }
    }

    /// All are multiplied by min(1, max / (norm + 1e-6)), norm being the L2 norm of all tensors' gradients together:
    /// the direction stays. Pascanu, Mikolov & Bengio 2013.
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
