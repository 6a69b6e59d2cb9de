package io.tidegrad.engine.layer;

/// Crews that share even the smallest work, so that tests with small networks see it shared.
public final class EagerWorkers {
    private EagerWorkers() {}

    public static Workers of(int count) {
        return new Workers(count, 1);
    }
}
