package io.tidegrad.trainer.store;

import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/// The checksum of each page's newest record. Their digest in the manifest ties the pages together: a page that is
/// missing or older than the manifest says is noticed, at 4 bytes a page and flush instead of hashing the model.
final class PageChecksums {
    private final int[] checksums;

    PageChecksums(int pages) {
        checksums = new int[pages];
    }

    private PageChecksums(int[] checksums) {
        this.checksums = checksums;
    }

    PageChecksums copy() {
        return new PageChecksums(checksums.clone());
    }

    /// Makes these pages' checksums those of what they are now.
    void update(Parameters parameters, PageSet pages, int epoch) {
        byte[] bytes = new byte[Parameters.PAGE_BYTES];
        for (int page = pages.next(0); page >= 0; page = pages.next(page + 1)) {
            parameters.readPage(page, bytes, 0);
            byte[] key = StoreRecords.key(StoreRecords.PAGE, page);
            int length = parameters.pageLength(page);
            checksums[page] = StoreRecords.checksum(key, epoch, bytes, 0, length);
        }
    }

    int of(int page) {
        return checksums[page];
    }

    void set(int page, int checksum) {
        checksums[page] = checksum;
    }

    /// SHA-256 over the checksums in page order, big-endian.
    byte[] digest() {
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * checksums.length);
        bytes.asIntBuffer().put(checksums);
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes.array());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
