package io.tidegrad.engine.model;

/// What one row (example) holds.
///
/// @param numbers floats that `Numbers` layers read
/// @param ids table rows (hashed categories) that `Embedding` layers read
/// @param labels label floats: 1 for binary (0 or 1) and class index; the outputs' width for regression and one-hot;
///     else as `Loss.labels` says
public record RowShape(int numbers, int ids, int labels) {
}
