package io.tidegrad.trainer.store;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.apache.kafka.common.Uuid;

/// The last record of every flush, which says what has been learned, and from which state in the changelog a restart
/// gets there. Payload, little-endian: the components in this order; byte arrays have a fixed size, and the list has
/// its size before it. The hashes of the records, that of the manifest's accounts and that of the base's, stand before
/// the list; format 2 had none.
///
/// @param specFingerprint 32 bytes, because a state belongs to one spec
/// @param numerics the engine's `Numerics.VERSION`, because other numerics would go on with other bits
/// @param epoch the lineage's epoch
/// @param inputTopicId the log's id, because a topic that was created again is another log
/// @param nextOffset the watermark, the offset in the log before which everything is consumed
/// @param updates the model's version
/// @param examples rows learned
/// @param accounts what became of every visible record below the watermark
/// @param newestAppendTime timestamp of the newest accepted record (epoch ms); Long.MIN_VALUE if there is none
/// @param pages how many pages the changelog holds
/// @param pagesDigest SHA-256 over the checksums of all pages in order, 32 bytes, as of `digestOffset`
/// @param carryBytes length of the carry: pending rows, stream time, evaluation
/// @param carryChecksum CRC32C of the carry without its own at the end
/// @param commit number of this flush, from 1
/// @param kind how this flush kept the state (int: its ordinal)
/// @param base the state in the changelog; in a page log that of this flush
/// @param digestOffset the watermark of `pagesDigest`, which for a large model may be an earlier one
/// @param changedBytesPerSecond as measured, for the choice between the kinds; NaN if it is not measured
/// @param rejectionsBytes length of the rejections since the base
/// @param rejectionsChecksum CRC32C of the rejections
/// @param retained snapshots on the topic, oldest first
record StoreManifest(byte[] specFingerprint, int numerics, int epoch, Uuid inputTopicId, long nextOffset, long updates,
        long examples, Accounts accounts, long newestAppendTime, int pages, byte[] pagesDigest, int carryBytes,
        int carryChecksum, long commit, StoreKind kind, StoreBase base, long digestOffset, double changedBytesPerSecond,
        int rejectionsBytes, int rejectionsChecksum, List<RetainedSnapshot> retained) {
    private static final int BASE_BYTES = 4 + 8 + 3 * 8 + 3 * 8 + 8 + 32 + 4 + 4;

    /// All but the list of snapshots.
    private static final int FIXED_BYTES =
            32 + 4 + 4 + 16 + 3 * 8 + 3 * 8 + 8 + 4 + 32 + 4 + 4 + 8 + 4 + BASE_BYTES + 8 + 8 + 4 + 4; // the list says its own

    byte[] encode() {
        ByteBuffer to = ByteBuffer.allocate(FIXED_BYTES + accounts.hash().bytes() + base.accounts().hash().bytes()
                + RetainedSnapshot.bytes(retained)).order(ByteOrder.LITTLE_ENDIAN);
        to.put(specFingerprint).putInt(numerics).putInt(epoch);
        to.putLong(inputTopicId.getMostSignificantBits()).putLong(inputTopicId.getLeastSignificantBits());
        to.putLong(nextOffset).putLong(updates).putLong(examples);
        to.putLong(accounts.accepted()).putLong(accounts.deadLetters()).putLong(accounts.ticks());
        to.putLong(newestAppendTime);
        to.putInt(pages).put(pagesDigest);
        to.putInt(carryBytes).putInt(carryChecksum);
        to.putLong(commit);
        to.putInt(kind.ordinal());
        to.putInt(base.slot()).putLong(base.image());
        to.putLong(base.nextOffset()).putLong(base.updates()).putLong(base.examples());
        to.putLong(base.accounts().accepted()).putLong(base.accounts().deadLetters()).putLong(base.accounts().ticks());
        to.putLong(base.newestAppendTime()).put(base.pagesDigest());
        to.putInt(base.carryBytes()).putInt(base.carryChecksum());
        to.putLong(digestOffset).putDouble(changedBytesPerSecond);
        to.putInt(rejectionsBytes).putInt(rejectionsChecksum);
        accounts.hash().write(to);
        base.accounts().hash().write(to);
        RetainedSnapshot.write(retained, to);
        return to.array();
    }

    /// Reads the value of a record.
    static StoreManifest of(byte[] value) {
        return decode(StoreRecords.payload(value));
    }

    static StoreManifest decode(byte[] payload) {
        try {
            ByteBuffer from = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
            // Java evaluates arguments from left to right, which is the order of the bytes.
            StoreManifest counted = new StoreManifest(bytes(from, 32), from.getInt(), from.getInt(),
                    new Uuid(from.getLong(), from.getLong()), from.getLong(), from.getLong(), from.getLong(),
                    accounts(from), from.getLong(), from.getInt(), bytes(from, 32), from.getInt(), from.getInt(),
                    from.getLong(), kind(from.getInt()),
                    new StoreBase(from.getInt(), from.getLong(), from.getLong(), from.getLong(), from.getLong(),
                            accounts(from), from.getLong(), bytes(from, 32), from.getInt(), from.getInt()),
                    from.getLong(), from.getDouble(), from.getInt(), from.getInt(), List.of());
            return RetainedSnapshot.follow(from) ? counted.with(counted.accounts, counted.base.accounts(), from)
                    : counted.with(hashed(counted.accounts, from), hashed(counted.base.accounts(), from), from);
        } catch (BufferUnderflowException e) {
            throw new DamagedException("a whole manifest", payload.length + " bytes");
        }
    }

    private static Accounts hashed(Accounts counts, ByteBuffer from) {
        return new Accounts(counts.accepted(), counts.deadLetters(), counts.ticks(), LogHash.read(from));
    }

    private StoreManifest with(Accounts own, Accounts ofBase, ByteBuffer from) {
        return new StoreManifest(specFingerprint, numerics, epoch, inputTopicId, nextOffset, updates, examples, own,
                newestAppendTime, pages, pagesDigest, carryBytes, carryChecksum, commit, kind, base.with(ofBase),
                digestOffset, changedBytesPerSecond, rejectionsBytes, rejectionsChecksum, RetainedSnapshot.read(from));
    }

    private static StoreKind kind(int ordinal) {
        StoreKind[] kinds = StoreKind.values();
        if (ordinal < 0 || ordinal >= kinds.length) {
            throw new DamagedException("a kind of store from 0 to " + (kinds.length - 1), "" + ordinal);
        }
        return kinds[ordinal];
    }

    private static Accounts accounts(ByteBuffer from) {
        return new Accounts(from.getLong(), from.getLong(), from.getLong());
    }

    private static byte[] bytes(ByteBuffer from, int length) {
        byte[] bytes = new byte[length];
        from.get(bytes);
        return bytes;
    }
}
