package io.tidegrad.trainer.store;

import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.stream.IntStream;

/// The checksum of the newest record of each page. Their digest in the manifest ties the pages together: it tells if a
/// page is missing or older than the manifest, and costs 4 bytes a page and flush, while a hash of the model would read
/// all of it.
final class PageChecksums {
    /// Pages that one thread takes at a time, half a megabyte.
    private static final int RUN_PAGES = 64;

    /// Fewer pages than this are done before a second thread starts.
    private static final int PARALLEL_PAGES_MIN = 4 * RUN_PAGES;

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

    /// Says whether a page may be committed. Several threads ask at a time.
    @FunctionalInterface
    interface PageTest {
        /// @param bytes the page's content, from 0 on
        boolean passes(int page, byte[] bytes);
    }

    /// Sets the checksums of these pages to those of their present content. Returns the first of them that does not pass the
    /// test, or -1; the checksums are then of no use.
    ///
    /// Each page is copied once for both, by one thread. Many are copied in parallel in the common pool, while nobody
    /// learns; the result does not depend on which thread took which.
    int update(Parameters parameters, PageSet pages, int epoch, PageTest test) {
        int[] numbers = new int[pages.count()];
        int count = 0;
        for (int page = pages.next(0); page >= 0; page = pages.next(page + 1)) {
            numbers[count++] = page;
        }
        IntStream runs = IntStream.range(0, Math.ceilDiv(count, RUN_PAGES));
        return (count < PARALLEL_PAGES_MIN ? runs : runs.parallel())
                .map(run -> update(parameters, numbers, run * RUN_PAGES, epoch, test)).filter(page -> page >= 0).min()
                .orElse(-1);
    }

    /// Updates the pages of one run, whose numbers begin at `from`.
    private int update(Parameters parameters, int[] numbers, int from, int epoch, PageTest test) {
        byte[] bytes = new byte[Parameters.PAGE_BYTES];
        for (int i = from; i < Math.min(numbers.length, from + RUN_PAGES); i++) {
            int page = numbers[i];
            parameters.readPage(page, bytes, 0);
            if (!test.passes(page, bytes)) {
                return page;
            }
            byte[] key = StoreRecords.key(StoreRecords.PAGE, page);
            checksums[page] = StoreRecords.checksum(key, epoch, bytes, 0, parameters.pageLength(page));
        }
        return -1;
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
