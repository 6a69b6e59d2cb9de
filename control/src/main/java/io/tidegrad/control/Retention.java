package io.tidegrad.control;

/// How long a topic keeps a record.
///
/// @param millis -1 for ever
/// @param bytes -1 for any size
public record Retention(long millis, long bytes) {
    public static final Retention FOR_EVER = new Retention(-1, -1);
}
