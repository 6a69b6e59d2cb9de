package io.tidegrad.trainer.store;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/// A snapshot that is on the snapshots topic, until the trainer buries it with tombstones.
///
/// @param parent version that it is changes to; -1 for a full one
/// @param bytes of its records
/// @param time of its records, epoch ms; -1 when not known
/// @param complete its manifest is written; false while the parts of a large one are spread over commits
public record RetainedSnapshot(long version, long parent, int parts, long bytes, long time, boolean complete) {
    public static final long FULL = -1;

    private static final int FIRST_FORMAT_BYTES = 12;
    private static final int BYTES = 8 + 8 + 4 + 8 + 8 + 1;

    public boolean isDelta() {
        return parent != FULL;
    }

    public RetainedSnapshot completed() {
        return new RetainedSnapshot(version, parent, parts, bytes, time, true);
    }

    /// Bytes that `write` needs.
    static int bytes(List<RetainedSnapshot> snapshots) {
        return 4 + BYTES * snapshots.size();
    }

    /// Count, as −1−n so that the first format's is not mistaken for it, then the components of each.
    static void write(List<RetainedSnapshot> snapshots, ByteBuffer to) {
        to.putInt(-1 - snapshots.size());
        for (RetainedSnapshot snapshot : snapshots) {
            to.putLong(snapshot.version).putLong(snapshot.parent).putInt(snapshot.parts);
            to.putLong(snapshot.bytes).putLong(snapshot.time);
            to.put((byte) (snapshot.complete ? 1 : 0));
        }
    }

    /// What `write` wrote and nothing more; also the first format: count n, then version and parts of full snapshots.
    ///
    /// @throws DamagedException another number of bytes
    static List<RetainedSnapshot> read(ByteBuffer from) {
        int stated = from.getInt();
        boolean first = stated >= 0;
        int count = first ? stated : -1 - stated;
        long bytes = (first ? FIRST_FORMAT_BYTES : BYTES) * (long) count;
        if (from.remaining() != bytes) {
            throw new DamagedException("a manifest that ends with its " + count + " snapshots",
                    from.remaining() + " bytes for them");
        }
        List<RetainedSnapshot> snapshots = new ArrayList<>(count);
        try {
            for (int i = 0; i < count; i++) {
                snapshots.add(first ? new RetainedSnapshot(from.getLong(), FULL, from.getInt(), 0, -1, true)
                        : new RetainedSnapshot(from.getLong(), from.getLong(), from.getInt(), from.getLong(),
                                from.getLong(), from.get() == 1));
            }
        } catch (BufferUnderflowException e) {
            throw new IllegalStateException("counted before", e);
        }
        return List.copyOf(snapshots);
    }
}
