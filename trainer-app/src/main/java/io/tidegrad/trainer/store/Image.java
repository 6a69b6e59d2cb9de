package io.tidegrad.trainer.store;

import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.util.function.BiConsumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// All pages of a model as of one watermark, written over many commits while learning goes on. A page that has not been
/// written yet is copied just before a step changes it for the first time (`Parameters.watch`), and what is written is
/// the copy; so an image takes at most the model's size of memory, and as much less as learning touches fewer pages.
///
/// Each page's checksum is known from when the image began. What is written must have it: a copy that came too late
/// stops the trainer before it could be taken for the state of that watermark.
final class Image {
    private final Parameters parameters;
    private final int epoch;
    private final int slot;
    private final PageSet unwritten;
    private final PageSet unchanged; // of the unwritten ones: those without a copy
    private final PageSet changedSince; // the watermark
    private final byte[] @Nullable [] copies; // values with room for a header, by page
    private StoreBase base;
    private byte[] carry;
    private PageChecksums checksums;

    /// @param base the state as it is now, and where it goes
    /// @param checksums of the pages as they are now
    Image(Parameters parameters, int epoch, StoreBase base, byte[] carry, PageChecksums checksums) {
        this.parameters = parameters;
        this.epoch = epoch;
        this.base = base;
        this.carry = carry;
        this.checksums = checksums.copy();
        slot = base.slot();
        int pages = parameters.pages();
        unwritten = new PageSet(pages);
        unchanged = new PageSet(pages);
        changedSince = new PageSet(pages);
        copies = new byte[pages][];
        if (pages > 0) {
            unwritten.markRange(0, pages - 1);
            unchanged.markRange(0, pages - 1);
        }
    }

    /// What `Parameters.watch` is given.
    PageSet watched() {
        return unchanged;
    }

    /// A step is about to change this page.
    void keep(int page) {
        copies[page] = value(page);
    }

    private byte[] value(int page) {
        byte[] value = StoreRecords.allocate(parameters.pageLength(page));
        parameters.readPage(page, value, StoreRecords.PAYLOAD_AT);
        return value;
    }

    /// At each flush: the pages that have changed since the one before.
    void changed(PageSet pages) {
        changedSince.addAll(pages);
    }

    /// The pages that have changed since the image's watermark.
    PageSet changedSince() {
        return changedSince;
    }

    /// From now on it is the image of a later state, the present one. What has been written and has not changed since
    /// stays as it is.
    void moveTo(StoreBase later, byte[] carry, PageChecksums checksums) {
        base = later;
        this.carry = carry;
        this.checksums = checksums.copy();
        for (int page = changedSince.next(0); page >= 0; page = changedSince.next(page + 1)) {
            copies[page] = null;
            unwritten.mark(page);
            unchanged.mark(page);
        }
        changedSince.clear();
    }

    /// Logs pages until so many bytes are written, at least one.
    void write(long bytesMax, BiConsumer<byte[], byte[]> log, IntConsumer written) {
        long bytes = 0;
        for (int page = unwritten.next(0); page >= 0 && bytes < bytesMax; page = unwritten.next(page + 1)) {
            byte[] value = copies[page] == null ? value(page) : copies[page];
            byte[] key = StoreRecords.key(StoreRecords.PAGE, slot, page);
            int checksum = StoreRecords.seal(key, epoch, value);
            if (checksum != checksums.of(page)) {
                throw new TrainerException(ExitCode.INTERNAL,
                        "page %d of image %d: expected checksum %08x as of offset %d, found %08x: it changed before it was copied"
                                .formatted(page, base.image(), checksums.of(page), base.nextOffset(), checksum));
            }
            log.accept(key, value);
            bytes += value.length;
            copies[page] = null;
            unwritten.unmark(page);
            unchanged.unmark(page);
            written.accept(page);
        }
    }

    boolean isWhole() {
        return unwritten.isEmpty();
    }

    int pagesWritten() {
        return parameters.pages() - unwritten.count();
    }

    /// The state that this is the image of.
    StoreBase base() {
        return base;
    }

    byte[] carry() {
        return carry;
    }
}
