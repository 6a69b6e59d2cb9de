package io.tidegrad.engine.model;

/// Everything that decides bits: panel widths, virtual lanes, polynomials, order of sums, random streams.
/// `docs/numerics.md` states all of it for those who compute it without this code, and changes with this number.
public final class Numerics {
    /// Raised whenever the same spec and log would give other bits. Stamped into every snapshot and store manifest; the
    /// committed hash of a fixed 10,000-event run guards it.
    public static final int VERSION = 2;

    private Numerics() {}
}
