package io.tidegrad.model.snapshot;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdException;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// How a part's payload is stored. It is chosen by the trainer's operator, not by the spec, because it changes no bit
/// of a model. Each part states its compression; a part that does not get smaller is stored uncompressed.
public enum PartCompression {
    NONE,
    /// One frame of Zstandard (RFC 8878).
    ZSTD;

    /// The largest ratio of a payload to its stored bytes that a reader accepts; a frame of zeros could otherwise claim
    /// a ratio of 10,000. The writer pads a frame with a better ratio with zeros.
    static final int RATIO_MAX = 1_000;

    /// The library's default level.
    private static final int LEVEL = 3;

    /// Writes compression (1), length of the payload (4), length of the stored bytes (4), the frame's length (4; only
    /// if compressed), the stored bytes.
    void write(BinaryWriter to, byte[] payload, int length) {
        byte[] frame = this == ZSTD ? compressed(payload, length) : null;
        if (frame == null) {
            to.int8(NONE.ordinal()).int32(length).int32(length);
            int at = to.reserve(length);
            System.arraycopy(payload, 0, to.array(), at, length);
            return;
        }
        int stored = 4 + Math.max(frame.length, Math.ceilDiv(length, RATIO_MAX));
        to.int8(ZSTD.ordinal()).int32(length).int32(stored).block(frame);
        to.raw(new byte[stored - 4 - frame.length]);
    }

    private static byte @Nullable [] compressed(byte[] payload, int length) {
        byte[] frame = new byte[(int) Zstd.compressBound(length)];
        long written = Zstd.compressByteArray(frame, 0, frame.length, payload, 0, length, LEVEL);
        if (Zstd.isError(written) || written + 4 >= length) {
            return null;
        }
        return Arrays.copyOf(frame, (int) written);
    }

    /// Checks the stated sizes and skips to the end.
    static Stored read(BinaryReader from) {
        int how = from.int8();
        if (how > ZSTD.ordinal()) {
            throw from.fail("expected compression 0 (none) or 1 (zstd), found " + how);
        }
        int length = from.count("payload length", SnapshotParts.PAYLOAD_BYTES_MAX);
        int stored = from.count("stored length", from.remaining());
        if (how == NONE.ordinal()) {
            if (stored != length) {
                throw from.fail("expected length " + length + ", found " + stored);
            }
            return new Stored(NONE, from.skip(stored), stored, length);
        }
        if (stored < 4 || length > (long) RATIO_MAX * (stored - 4)) {
            throw from
                    .fail("expected at most " + RATIO_MAX + " times the " + stored + " bytes stored, found " + length);
        }
        int frame = from.count("frame's length", stored - 4);
        int at = from.skip(stored - 4);
        return new Stored(ZSTD, at, frame, length);
    }

    /// @param at index of the first stored byte in the part's value
    /// @param length length of the payload
    record Stored(PartCompression how, int at, int stored, int length) {
        /// The payload; a view of `value` if it is not compressed.
        ///
        /// @throws SnapshotFormatException the stored bytes don't match the stated sizes
        Payload payload(byte[] value) {
            if (how == NONE) {
                return new Payload(value, at, length);
            }
            byte[] payload = new byte[length];
            String found;
            try {
                long written = Zstd.decompressByteArray(payload, 0, length, value, at, stored);
                found = Zstd.isError(written) ? Zstd.getErrorName(written) : written + " bytes";
            } catch (ZstdException e) {
                found = String.valueOf(e.getMessage());
            }
            if (!found.equals(length + " bytes")) {
                throw new SnapshotFormatException(
                        "snapshot part: expected a zstd frame of " + length + " bytes, found: " + found);
            }
            return new Payload(payload, 0, length);
        }
    }

    record Payload(byte[] bytes, int at, int length) {
    }
}
