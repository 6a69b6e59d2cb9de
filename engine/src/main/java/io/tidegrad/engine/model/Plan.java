package io.tidegrad.engine.model;

/// Offsets and sizes, derived once from a `NetworkSpec`; refuses a spec whose shapes don't fit, naming the layer, the
/// shape expected and the shape found, before a float is allocated.
public final class Plan {
    public static Plan of(NetworkSpec spec) {
        throw new UnsupportedOperationException();
    }

    public NetworkSpec spec() {
        throw new UnsupportedOperationException();
    }

    /// Width of a prediction: 1 for binary and single regression, else the classes or outputs.
    public int outputs() {
        throw new UnsupportedOperationException();
    }

    /// Logical weights, padding not counted.
    public long weights() {
        throw new UnsupportedOperationException();
    }
}
