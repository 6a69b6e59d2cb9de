package io.tidegrad.model.snapshot;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;

/// Written about once a second, outside transactions, while the trainer runs. It lets a scorer distinguish "no new
/// events" from "I am behind". Format: magic TGHB, format (4), epoch (4), version (8), next offset (8), time (8),
/// caught up (1), CRC32C (4).
///
/// @param nextOffset next offset of the log of record as of the trainer's last commit
/// @param caughtUp whether the log had no visible event at or after nextOffset at `time`
/// @param time epoch ms, the trainer's clock
public record Heartbeat(int epoch, long version, long nextOffset, boolean caughtUp, long time) {
    private static final String MAGIC = "TGHB";
    private static final int FORMAT = 1;

    public byte[] encode() {
        return new BinaryWriter(MAGIC, FORMAT, 48).int32(epoch).int64(version).int64(nextOffset).int64(time)
                .int8(caughtUp ? 1 : 0).seal();
    }

    /// @throws SnapshotFormatException the bytes are no heartbeat; the message says what was expected and found
    public static Heartbeat decode(byte[] bytes) {
        BinaryReader from = new BinaryReader(bytes, "heartbeat", MAGIC, FORMAT, SnapshotFormatException::new);
        int epoch = from.int32();
        long version = from.int64();
        long nextOffset = from.int64();
        long time = from.int64();
        boolean caughtUp = from.int8() == 1;
        from.end();
        return new Heartbeat(epoch, version, nextOffset, caughtUp, time);
    }
}
