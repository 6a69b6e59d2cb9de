package io.tidegrad.trainer.store;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;

/// What a model has consumed, as hashes that do not depend on where it lies: a copy of the log in another cluster has
/// other offsets and another topic id, and the same hashes (`RunningHash`). With them `LogSearch` finds the place in a
/// copy up to which a state has learned.
///
/// @param from how many records were consumed before the first one that is hashed; more than 0 for a model that builds
///     without this hash have learned before
/// @param chain the hash after the last record, 64 hex digits
/// @param anchors places on the way, in their order
public record LogHash(long from, String chain, List<Anchor> anchors) {
    private static final int BYTES = 32;
    private static final int ANCHORS_MAX = 64;
    private static final String ZERO = "00".repeat(BYTES);

    /// That of a model that has consumed nothing.
    public static final LogHash NOTHING = from(0);

    /// A place at which a search can begin, and that it can compare. A log keeps its records for a while, so it may not
    /// hold the first one any more.
    ///
    /// @param count how many records were consumed before it
    /// @param chain the hash after these
    /// @param next the hash of the record after it alone
    public record Anchor(long count, String chain, String next) {
    }

    public LogHash {
        anchors = List.copyOf(anchors);
    }

    /// Returns the hash of a model that has consumed `count` records, of which none is hashed.
    static LogHash from(long count) {
        return new LogHash(count, ZERO, List.of());
    }

    /// Returns whether no record is hashed.
    public boolean isEmpty() {
        return anchors.isEmpty();
    }

    /// Returns how many bytes `write` needs.
    int bytes() {
        return Integer.BYTES + Long.BYTES + BYTES + anchors.size() * (Long.BYTES + 2 * BYTES);
    }

    /// Writes the count of anchors, the components, and those of each anchor.
    void write(ByteBuffer to) {
        to.putInt(anchors.size()).putLong(from).put(parse(chain));
        for (Anchor anchor : anchors) {
            to.putLong(anchor.count).put(parse(anchor.chain)).put(parse(anchor.next));
        }
    }

    /// @throws DamagedException if these are no hashes
    static LogHash read(ByteBuffer from) {
        int count = from.getInt();
        if (count < 0 || count > ANCHORS_MAX) {
            throw new DamagedException("a number of anchors from 0 to " + ANCHORS_MAX, "" + count);
        }
        long first = from.getLong();
        String chain = hex(from);
        Anchor[] anchors = new Anchor[count];
        for (int i = 0; i < count; i++) {
            anchors[i] = new Anchor(from.getLong(), hex(from), hex(from));
        }
        return new LogHash(first, chain, List.of(anchors));
    }

    private static String hex(ByteBuffer from) {
        byte[] bytes = new byte[BYTES];
        from.get(bytes);
        return hex(bytes);
    }

    static String hex(byte[] hash) {
        return HexFormat.of().formatHex(hash);
    }

    static byte[] parse(String hash) {
        return HexFormat.of().parseHex(hash);
    }

    @Override
    public String toString() {
        return "log-hash " + chain + " from record " + from + " on";
    }
}
