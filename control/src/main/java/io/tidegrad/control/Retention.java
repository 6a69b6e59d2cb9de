package io.tidegrad.control;

/// How long a topic keeps its records.
///
/// @param millis the most time; -1 for ever
/// @param bytes the most bytes; -1 for any number
public record Retention(long millis, long bytes) {
    public static final Retention FOR_EVER = new Retention(-1, -1);
}
