package io.tidegrad.engine.model;

/// Why a step was not taken: the first thing in it that was not finite. Nothing has changed.
///
/// @param step updates taken before
/// @param row of the batch; -1 where it can't be told
/// @param where the first layer, in the order of computing, whose numbers are not finite (`layer 2 (Dense)`), or what
///     else
/// @param what of it
public record Fault(long step, int row, String where, String what) {
    @Override
    public String toString() {
        return "step " + step + (row < 0 ? "" : ", row " + row) + ", " + where + ": " + what;
    }
}
