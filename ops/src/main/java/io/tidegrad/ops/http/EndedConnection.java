package io.tidegrad.ops.http;

/// Why a connection ended otherwise than between two requests. Closed, as metrics want it.
public enum EndedConnection {
    /// TLS that is none, of an old version, or too slow.
    HANDSHAKE,
    /// It had waited longest for its client when all connections were taken.
    DISPLACED,
    /// All connections were taken, and none was waiting for its client.
    FULL,
    /// The process had no file descriptor left for it.
    DESCRIPTORS,
    /// Its client did not take an answer in time, or all unread answers together took too much memory.
    UNREAD,
    /// Its client ended it in the middle of a request or of an answer.
    ABORTED
}
