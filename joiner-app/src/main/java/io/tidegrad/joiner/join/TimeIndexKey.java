package io.tidegrad.joiner.join;

import java.nio.ByteBuffer;
import java.util.Arrays;

/// Keys of the time index, which says when to look at which entry (`LabelJoin.wakeAt`): the time as 8 bytes, big-endian
/// with the sign bit turned over, then the id's UTF-8 bytes. So the order of bytes, which is a store's, is the order of
/// time and then of ids.
public final class TimeIndexKey {
    private static final int TIME_BYTES = 8;

    private TimeIndexKey() {}

    public static byte[] of(long time, byte[] id) {
        return ByteBuffer.allocate(TIME_BYTES + id.length).putLong(time ^ Long.MIN_VALUE).put(id).array();
    }

    /// @throws EntryException the key has no time
    public static long time(byte[] key) {
        requireTime(key);
        return ByteBuffer.wrap(key).getLong() ^ Long.MIN_VALUE;
    }

    /// @throws EntryException the key has no time
    public static byte[] id(byte[] key) {
        requireTime(key);
        return Arrays.copyOfRange(key, TIME_BYTES, key.length);
    }

    private static void requireTime(byte[] key) {
        if (key.length < TIME_BYTES) {
            throw new EntryException(
                    "key of the time index: expected at least " + TIME_BYTES + " bytes, found " + key.length);
        }
    }
}
