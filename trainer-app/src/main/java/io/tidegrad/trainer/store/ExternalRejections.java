package io.tidegrad.trainer.store;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.kafka.common.utils.ByteUtils;

/// Offsets of events that were rejected for a reason outside of the log: the registry did not know the schema, which it
/// may know when the log is learned again, or the event ended the trainer twice and was set aside. They are kept as
/// ranges until an image makes them superfluous.
///
/// The payload is a varlong for the gap before each range and one for its length.
final class ExternalRejections {
    private static final int VARLONG_BYTES_MAX = 10;

    private long[] ranges = new long[16]; // from, to (exclusive), from, to …
    private int used;

    /// Offsets come in ascending order.
    void add(long offset) {
        if (used > 0 && ranges[used - 1] == offset) {
            ranges[used - 1]++;
            return;
        }
        add(offset, offset + 1);
    }

    private void add(long from, long to) {
        if (used == ranges.length) {
            ranges = Arrays.copyOf(ranges, 2 * used);
        }
        ranges[used++] = from;
        ranges[used++] = to;
    }

    boolean contains(long offset) {
        int low = 0;
        int high = used / 2;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (ranges[2 * middle + 1] <= offset) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return 2 * low < used && ranges[2 * low] <= offset;
    }

    /// Forgets all offsets below this one.
    void forget(long below) {
        int kept = 0;
        for (int i = 0; i < used; i += 2) {
            if (ranges[i + 1] > below) {
                ranges[kept++] = Math.max(below, ranges[i]);
                ranges[kept++] = ranges[i + 1];
            }
        }
        used = kept;
    }

    int count() {
        return used / 2;
    }

    byte[] encode() {
        ByteBuffer to = ByteBuffer.allocate(VARLONG_BYTES_MAX * used);
        long at = 0;
        for (int i = 0; i < used; i++) {
            ByteUtils.writeVarlong(ranges[i] - at, to);
            at = ranges[i];
        }
        return Arrays.copyOf(to.array(), to.position());
    }

    static ExternalRejections decode(byte[] payload) {
        ExternalRejections decoded = new ExternalRejections();
        ByteBuffer from = ByteBuffer.wrap(payload);
        long at = 0;
        try {
            while (from.hasRemaining()) {
                long begin = at + ByteUtils.readVarlong(from);
                at = begin + ByteUtils.readVarlong(from);
                if (begin < 0 || at <= begin) {
                    throw new DamagedException("ascending ranges of rejected offsets", begin + " to " + at);
                }
                decoded.add(begin, at);
            }
        } catch (IllegalArgumentException | java.nio.BufferUnderflowException e) {
            throw new DamagedException("ranges of rejected offsets", "bytes that are none");
        }
        return decoded;
    }
}
