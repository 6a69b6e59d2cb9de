package io.tidegrad.engine.model;

/// Why a step was not taken: where its first number that is not finite appeared. The model has not changed.
///
/// @param step updates taken before
/// @param row index of the row in the batch; -1 if unknown
/// @param where the first layer, in the order of computing, whose numbers are not finite (`layer 2 (Dense)`), or
///     another place
/// @param what which numbers of it are not finite
public record Fault(long step, int row, String where, String what) {
    @Override
    public String toString() {
        return "step " + step + (row < 0 ? "" : ", row " + row) + ", " + where + ": " + what;
    }
}
