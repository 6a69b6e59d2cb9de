package io.tidegrad.engine.layer;

/// Reads `columns` ids of the row, starting at `from`; each selects a row of one table (rows, dimension); their vectors
/// stand side by side in the output (columns · dimension).
public record Embedding(int from, int columns, int rows, int dimension, Update update)
        implements Layer {
    /// Who is updated: touched rows only (the default: forward, backward, optimizer, page marks visit nothing else;
    /// touched Adam decays only touched moments, with the global step in its bias correction), or the textbook's every
    /// row.
    public enum Update {
        TOUCHED,
        DENSE
    }
}
