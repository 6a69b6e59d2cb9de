package io.tidegrad.engine.model;

/// The version of everything that decides bits: panel widths, virtual lanes, polynomials, order of sums, random
/// streams. `docs/numerics.md` specifies all of it, so that it can be computed without this code, and changes with this
/// number.
public final class Numerics {
    /// Raised whenever the same spec and log give other bits. Written into every snapshot and store manifest. A test
    /// compares the hash of a fixed 10,000-event run.
    public static final int VERSION = 2;

    private Numerics() {}
}
