package io.tidegrad.engine.snapshot;

import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.stream.IntStream;

/// The two hashes of a model: SHA-256 over the SHA-256 of fixed 64 KiB leaves. Numbers are little-endian. A leaf is 64
/// KiB of a stream of `Parameters`; a stream's last leaf can be shorter, and an empty stream has none.
///
/// ```
/// weights = SHA-256( "tidegrad weights"          16 bytes, ASCII
///                  | fingerprint length          int
///                  | spec fingerprint
///                  | Numerics.VERSION            int
///                  | updates                     long
///                  | examples                    long
///                  | served stream's length      long
///                  | SHA-256(leaf) …             32 bytes each )
///
/// state   = SHA-256( "tidegrad state  "          16 bytes, ASCII
///                  | weights                     32 bytes
///                  | optimizer stream's length   long
///                  | SHA-256(leaf) …             32 bytes each
///                  | pending rows' length        long
///                  | pending rows )
/// ```
public final class ModelHash {
    /// Bytes of a leaf: eight store pages, so that one touched page requires hashing one leaf.
    public static final int LEAF_BYTES = 8 * Parameters.PAGE_BYTES;

    static final int LEAF_PAGES = LEAF_BYTES / Parameters.PAGE_BYTES;

    /// Fewer leaves than this are hashed by one thread: they are done before a second thread starts.
    private static final int PARALLEL_LEAVES_MIN = 32;

    private static final HexFormat HEX = HexFormat.of();

    private ModelHash() {}

    /// The weights-hash, which a scorer can recompute: spec fingerprint, numerics, update and example counts, served
    /// stream. 64 hex digits.
    public static String weights(byte[] specFingerprint, Parameters parameters) {
        return weights(specFingerprint, Numerics.VERSION, parameters);
    }

    /// The weights-hash that a build of these numerics gives the same parameters.
    public static String weights(byte[] specFingerprint, int numerics, Parameters parameters) {
        MessageDigest root = weightsRoot(specFingerprint, numerics, parameters);
        updateWithLeaves(root, parameters, 0, parameters.servedPages());
        return HEX.formatHex(root.digest());
    }

    static String weights(byte[] specFingerprint, Parameters parameters, byte[] leaves) {
        MessageDigest root = weightsRoot(specFingerprint, Numerics.VERSION, parameters);
        root.update(leaves);
        return HEX.formatHex(root.digest());
    }

    private static MessageDigest weightsRoot(byte[] specFingerprint, int numerics, Parameters parameters) {
        MessageDigest root = sha256();
        root.update("tidegrad weights".getBytes(StandardCharsets.US_ASCII));
        root.update(littleEndian(Integer.BYTES).putInt(0, specFingerprint.length));
        root.update(specFingerprint);
        root.update(littleEndian(Integer.BYTES).putInt(0, numerics));
        root.update(littleEndian(Long.BYTES).putLong(0, parameters.updates()));
        root.update(littleEndian(Long.BYTES).putLong(0, parameters.examples()));
        root.update(littleEndian(Long.BYTES).putLong(0, parameters.servedBytes()));
        return root;
    }

    /// The state-hash: the weights-hash, the optimizer stream and the rows of the unfinished batch. 64 hex digits.
    public static String state(String weightsHash, Parameters parameters, byte[] pendingRows) {
        MessageDigest root = sha256();
        root.update("tidegrad state  ".getBytes(StandardCharsets.US_ASCII));
        root.update(HEX.parseHex(weightsHash));
        root.update(littleEndian(Long.BYTES).putLong(0, parameters.optimizerBytes()));
        updateWithLeaves(root, parameters, parameters.servedPages(), parameters.pages());
        root.update(littleEndian(Long.BYTES).putLong(0, pendingRows.length));
        root.update(pendingRows);
        return HEX.formatHex(root.digest());
    }

    /// Adds the leaf hashes of the stream that is pages `from` (inclusive) to `to` (exclusive). Many leaves are hashed in
    /// parallel in the common pool; each leaf is hashed by one thread, and they are added in their order.
    private static void updateWithLeaves(MessageDigest root, Parameters parameters, int from, int to) {
        byte[][] hashes = new byte[Math.ceilDiv(to - from, LEAF_PAGES)][];
        inParallelIfMany(IntStream.range(0, hashes.length), hashes.length).forEach(leaf -> {
            int first = from + leaf * LEAF_PAGES;
            hashes[leaf] = leaf(parameters, first, Math.min(first + LEAF_PAGES, to));
        });
        for (byte[] hash : hashes) {
            root.update(hash);
        }
    }

    /// @param count of the leaves
    static IntStream inParallelIfMany(IntStream leaves, int count) {
        return count < PARALLEL_LEAVES_MIN ? leaves : leaves.parallel();
    }

    /// SHA-256 of pages `from` (inclusive) to `to` (exclusive).
    static byte[] leaf(Parameters parameters, int from, int to) {
        MessageDigest leaf = sha256();
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int number = from; number < to; number++) {
            parameters.readPage(number, page, 0);
            leaf.update(page, 0, parameters.pageLength(number));
        }
        return leaf.digest();
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
