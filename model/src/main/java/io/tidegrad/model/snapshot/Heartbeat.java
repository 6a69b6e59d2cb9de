package io.tidegrad.model.snapshot;

/// Written about once a second, outside transactions, while the trainer lives: lets a scorer tell "nothing happened" from
/// "I am behind".
///
/// @param nextOffset watermark of the trainer's last commit
/// @param caughtUp no visible event at or beyond nextOffset was in the log at `time`
/// @param time epoch ms, the trainer's clock
public record Heartbeat(int epoch, long version, long nextOffset, boolean caughtUp, long time) {
    public byte[] encode() {
        throw new UnsupportedOperationException();
    }

    public static Heartbeat decode(byte[] bytes) {
        throw new UnsupportedOperationException();
    }
}
