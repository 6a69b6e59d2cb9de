package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.ServedChanges;
import io.tidegrad.engine.model.Successor;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.util.ArrayList;
import java.util.List;

/// The payload of a delta: the changed bytes of the served stream, run after run. A run is `gap` (from the end of the
/// previous run in the part, or from the stream's start) and `length`, both in words of 4 bytes as varints, then the
/// bytes. Adjacent touched rows form one run, and so do whole tensors, so the payload is at most as large as the
/// smaller of changed pages and changed rows, plus 2 to 8 bytes per run. Each part can be read independently.
final class DeltaRuns {
    private static final int WORD = Float.BYTES;

    /// The most bytes of gap and length: five each, which reach 16 GiB. A length inside a part takes at most three, so
    /// no part of a delta is filled to its last byte, by which a reader tells it from a part of a full snapshot
    /// (`DecodedParts`).
    private static final int HEADER_BYTES_MAX = 10;

    private DeltaRuns() {}

    /// @param bytes total without part headers
    record Payloads(List<byte[]> parts, long bytes) {
    }

    /// A lower bound of the bytes that `encode` gives.
    static long size(ServedChanges changes) {
        long[] size = {0, 0};
        changes.forEachRun((at, bytes) -> {
            size[0] += varintBytes((at - size[1]) / WORD) + varintBytes(bytes / WORD) + bytes;
            size[1] = at + bytes;
        });
        return size[0];
    }

    private static int varintBytes(long value) {
        return Math.max(1, Math.ceilDiv(64 - Long.numberOfLeadingZeros(value), 7));
    }

    static Payloads encode(Parameters parameters, ServedChanges changes) {
        Encoder encoder = new Encoder(parameters);
        changes.forEachRun(encoder::add);
        encoder.end();
        return new Payloads(encoder.parts, encoder.total);
    }

    private static final class Encoder {
        private final Parameters parameters;
        private final List<byte[]> parts = new ArrayList<>();
        private BinaryWriter part = new BinaryWriter();
        private int used;
        private long end; // end of the previous run
        private long total;

        Encoder(Parameters parameters) {
            this.parameters = parameters;
        }

        void add(long at, long bytes) {
            long from = at;
            while (from < at + bytes) {
                // A multiple of two words, because statistics are doubles, and none may be split.
                int room = (SnapshotParts.PAYLOAD_BYTES_MAX - used - HEADER_BYTES_MAX) & -2 * WORD;
                if (room <= 0) {
                    end();
                    continue;
                }
                int length = (int) Math.min(room, at + bytes - from);
                part.varint((from - end) / WORD).varint(length / WORD);
                int to = part.reserve(length);
                parameters.readServed(from, part.array(), to, length);
                used = to + length;
                from += length;
                end = from;
            }
        }

        void end() {
            if (used > 0) {
                parts.add(part.toBytes());
                total += used;
                part = new BinaryWriter();
                used = 0;
                end = 0;
            }
        }
    }

    /// Writes the runs of one part into `into`.
    ///
    /// @param what the part's name in messages
    /// @throws SnapshotFormatException a run is invalid
    static void decode(PartCompression.Payload payload, String what, Successor into) {
        BinaryReader from =
                BinaryReader.bare(payload.bytes(), payload.at(), payload.length(), what, SnapshotFormatException::new);
        long end = 0;
        while (from.remaining() > 0) {
            long gap = from.varint();
            long words = from.varint();
            if (gap < 0 || gap > Long.MAX_VALUE / (2 * WORD) || words < 1) {
                throw from.fail("expected a run of words, found a gap of " + gap + " and " + words + " words");
            }
            if (words > from.remaining() / WORD) {
                throw from.fail("expected " + words + " words, found " + from.remaining() + " bytes");
            }
            int length = (int) words * WORD;
            long at = end + gap * WORD;
            try {
                into.write(at, payload.bytes(), from.skip(length), length);
            } catch (IllegalArgumentException outOfPlace) {
                throw from.fail(String.valueOf(outOfPlace.getMessage()));
            }
            end = at + length;
        }
    }
}
