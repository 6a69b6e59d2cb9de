package io.tidegrad.trainer.store;

/// The state that the pages and the carry in the changelog are: as of the newest commit in a page log, else of the
/// newest whole image. From here the log of record leads to the manifest's watermark.
///
/// @param slot 0 or 1: which keys hold its pages and carry; -1 when it is the model as the spec starts it, which is
///     stored nowhere
/// @param image number of the image, from 1; 0 before the first
/// @param nextOffset of the log of record, exclusive
/// @param updates the model's version
/// @param examples rows learned
/// @param newestAppendTime record timestamp (epoch ms) of the newest accepted event; Long.MIN_VALUE when there is none
/// @param pagesDigest SHA-256 over the checksums of all pages in order, 32 bytes
/// @param carryBytes length of what is not in pages
/// @param carryChecksum CRC32C of it
record StoreBase(int slot, long image, long nextOffset, long updates, long examples, Accounts accounts,
        long newestAppendTime, byte[] pagesDigest, int carryBytes, int carryChecksum) {
    static final int NOT_STORED = -1;

    static StoreBase initial(long startOffset) {
        return new StoreBase(NOT_STORED, 0, startOffset, 0, 0, Accounts.NONE, Long.MIN_VALUE, new byte[32], 0, 0);
    }

    boolean isStored() {
        return slot != NOT_STORED;
    }

    /// The one whose keys the next image goes to.
    int otherSlot() {
        return slot == 0 ? 1 : 0;
    }
}
