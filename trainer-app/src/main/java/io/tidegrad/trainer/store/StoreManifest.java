package io.tidegrad.trainer.store;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.Uuid;

/// The last record of every flush: it makes the pages and the carry before it one state, and says of what. Payload,
/// little-endian: the components in this order; byte arrays of fixed size, the list preceded by its size.
///
/// @param specFingerprint 32 bytes: a state belongs to one spec
/// @param numerics the engine's `Numerics.VERSION`: other numerics would go on with other bits
/// @param epoch raised by rollback or re-creation
/// @param inputTopicId a topic that was deleted and created again is another log
/// @param nextOffset the watermark: the next offset of the log of record, exclusive
/// @param updates the model's version
/// @param examples rows learned
/// @param accounts of every visible record below the watermark
/// @param newestAppendTime record timestamp (epoch ms) of the newest accepted event; Long.MIN_VALUE when there is none
/// @param pages in the changelog
/// @param pagesDigest SHA-256 over the checksums of all pages in order, 32 bytes
/// @param carryBytes length of what is not in pages (pending rows, stream time, evaluation)
/// @param carryChecksum CRC32C of it
/// @param commit number of this flush, from 1
/// @param retained snapshots still on the topic, oldest first
record StoreManifest(
        byte[] specFingerprint,
        int numerics,
        int epoch,
        Uuid inputTopicId,
        long nextOffset,
        long updates,
        long examples,
        Accounts accounts,
        long newestAppendTime,
        int pages,
        byte[] pagesDigest,
        int carryBytes,
        int carryChecksum,
        long commit,
        List<RetainedSnapshot> retained) {
    private static final int FIXED_BYTES =
            32 + 4 + 4 + 16 + 3 * 8 + 3 * 8 + 8 + 4 + 32 + 4 + 4 + 8 + 4;

    byte[] encode() {
        ByteBuffer to =
                ByteBuffer.allocate(FIXED_BYTES + 12 * retained.size())
                        .order(ByteOrder.LITTLE_ENDIAN);
        to.put(specFingerprint).putInt(numerics).putInt(epoch);
        to.putLong(inputTopicId.getMostSignificantBits())
                .putLong(inputTopicId.getLeastSignificantBits());
        to.putLong(nextOffset).putLong(updates).putLong(examples);
        to.putLong(accounts.accepted()).putLong(accounts.deadLetters()).putLong(accounts.ticks());
        to.putLong(newestAppendTime);
        to.putInt(pages).put(pagesDigest);
        to.putInt(carryBytes).putInt(carryChecksum);
        to.putLong(commit);
        to.putInt(retained.size());
        for (RetainedSnapshot snapshot : retained) {
            to.putLong(snapshot.version()).putInt(snapshot.parts());
        }
        return to.array();
    }

    static StoreManifest decode(byte[] payload) {
        try {
            ByteBuffer from = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
            byte[] specFingerprint = bytes(from, 32);
            int numerics = from.getInt();
            int epoch = from.getInt();
            Uuid inputTopicId = new Uuid(from.getLong(), from.getLong());
            long nextOffset = from.getLong();
            long updates = from.getLong();
            long examples = from.getLong();
            Accounts accounts = new Accounts(from.getLong(), from.getLong(), from.getLong());
            long newestAppendTime = from.getLong();
            int pages = from.getInt();
            byte[] pagesDigest = bytes(from, 32);
            int carryBytes = from.getInt();
            int carryChecksum = from.getInt();
            long commit = from.getLong();
            int snapshots = from.getInt();
            if (snapshots < 0 || from.remaining() != 12L * snapshots) {
                throw new DamagedException(
                        "a manifest that ends with its " + snapshots + " snapshots",
                        from.remaining() + " bytes for them");
            }
            List<RetainedSnapshot> retained = new ArrayList<>(snapshots);
            for (int i = 0; i < snapshots; i++) {
                retained.add(new RetainedSnapshot(from.getLong(), from.getInt()));
            }
            return new StoreManifest(
                    specFingerprint,
                    numerics,
                    epoch,
                    inputTopicId,
                    nextOffset,
                    updates,
                    examples,
                    accounts,
                    newestAppendTime,
                    pages,
                    pagesDigest,
                    carryBytes,
                    carryChecksum,
                    commit,
                    List.copyOf(retained));
        } catch (BufferUnderflowException e) {
            throw new DamagedException(
                    "a manifest of at least " + FIXED_BYTES + " bytes", payload.length + " bytes");
        }
    }

    private static byte[] bytes(ByteBuffer from, int length) {
        byte[] bytes = new byte[length];
        from.get(bytes);
        return bytes;
    }
}
