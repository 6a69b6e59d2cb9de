package io.tidegrad.trainer.store;

import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/// The checksum of the newest record of each page. Their digest in the manifest ties the pages together: it tells if a
/// page is missing or older than the manifest, and costs 4 bytes a page and flush, while a hash of the model would read
/// all of it.
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

    /// Sets the checksums of these pages to those of their present content.
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

    /// Returns the SHA-256 over the checksums in page order, big-endian.
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
