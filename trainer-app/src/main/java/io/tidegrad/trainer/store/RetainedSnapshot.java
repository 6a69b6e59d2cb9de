package io.tidegrad.trainer.store;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/// A snapshot on the snapshots topic, which the trainer will replace by tombstones.
///
/// @param parent the version that a delta changes; -1 for a full snapshot
/// @param bytes the bytes of its records
/// @param time the timestamp of its records, epoch ms
/// @param complete whether its manifest is written; the parts of a large snapshot are spread over commits
public record RetainedSnapshot(long version, long parent, int parts, long bytes, long time, boolean complete) {
    public static final long FULL = -1;

    private static final int BYTES = 8 + 8 + 4 + 8 + 8 + 1;

    public boolean isDelta() {
        return parent != FULL;
    }

    public RetainedSnapshot completed() {
        return new RetainedSnapshot(version, parent, parts, bytes, time, true);
    }

    /// Returns how many bytes `write` needs.
    static int bytes(List<RetainedSnapshot> snapshots) {
        return 4 + BYTES * snapshots.size();
    }

    /// Writes the count n as -1 - n, then the components of each snapshot.
    static void write(List<RetainedSnapshot> snapshots, ByteBuffer to) {
        to.putInt(-1 - snapshots.size());
        for (RetainedSnapshot snapshot : snapshots) {
            to.putLong(snapshot.version).putLong(snapshot.parent).putInt(snapshot.parts);
            to.putLong(snapshot.bytes).putLong(snapshot.time);
            to.put((byte) (snapshot.complete ? 1 : 0));
        }
    }

    /// Returns whether a list comes next in `from`, and not something that begins with a number from 0 on.
    static boolean follow(ByteBuffer from) {
        return from.duplicate().order(from.order()).getInt() < 0;
    }

    /// Reads what `write` wrote, up to the end of `from`.
    ///
    /// @throws DamagedException if `from` does not hold exactly that many bytes
    static List<RetainedSnapshot> read(ByteBuffer from) {
        int count = -1 - from.getInt();
        if (count < 0 || from.remaining() != (long) BYTES * count) {
            throw new DamagedException("a manifest that ends with its " + count + " snapshots",
                    from.remaining() + " bytes for them");
        }
        List<RetainedSnapshot> snapshots = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            snapshots.add(new RetainedSnapshot(from.getLong(), from.getLong(), from.getInt(), from.getLong(),
                    from.getLong(), from.get() == 1));
        }
        return List.copyOf(snapshots);
    }
}
