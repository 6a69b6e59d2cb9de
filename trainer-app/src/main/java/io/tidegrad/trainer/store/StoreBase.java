package io.tidegrad.trainer.store;

/// The state that pages and carry in the changelog hold: that of the newest commit in a page log, otherwise that of the
/// newest whole image. The log of record leads from here to the manifest's watermark.
///
/// @param slot 0 or 1, whose keys hold pages and carry; -1 for the initial model of the spec, which is stored nowhere
/// @param image the number of the image, from 1; 0 before the first
/// @param nextOffset the watermark of this state
/// @param updates the model's version
/// @param examples rows learned
/// @param newestAppendTime timestamp of the newest accepted record (epoch ms); Long.MIN_VALUE if there is none
/// @param pagesDigest SHA-256 over the checksums of all pages in order, 32 bytes
/// @param carryBytes length of the carry, which is everything that is not in pages
/// @param carryChecksum CRC32C of the carry without its own at the end
record StoreBase(int slot, long image, long nextOffset, long updates, long examples, Accounts accounts,
        long newestAppendTime, byte[] pagesDigest, int carryBytes, int carryChecksum) {
    static final int NOT_STORED = -1;

    static StoreBase initial(long startOffset) {
        return new StoreBase(NOT_STORED, 0, startOffset, 0, 0, Accounts.NONE, Long.MIN_VALUE, new byte[32], 0, 0);
    }

    StoreBase with(Accounts others) {
        return new StoreBase(slot, image, nextOffset, updates, examples, others, newestAppendTime, pagesDigest,
                carryBytes, carryChecksum);
    }

    boolean isStored() {
        return slot != NOT_STORED;
    }

    /// Returns the slot of the next image.
    int otherSlot() {
        return slot == 0 ? 1 : 0;
    }
}
