package io.tidegrad.trainer.store;

import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.util.function.BiConsumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// All pages of a model as of one watermark, written over many commits while learning goes on. A page is copied just
/// before a step changes it for the first time (`Parameters.watch`) unless it is written already, and then the copy is
/// written. So an image takes at most the memory of the model, and less if learning touches fewer pages.
///
/// The checksum of each page is known from the time when the image began, and what is written must have it. A copy that
/// came too late stops the trainer.
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

    /// @param base the present state, and the slot to which it goes
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

    /// Returns the pages for `Parameters.watch`.
    PageSet watched() {
        return unchanged;
    }

    /// Called before a step changes this page.
    void keep(int page) {
        copies[page] = value(page);
    }

    private byte[] value(int page) {
        byte[] value = StoreRecords.allocate(parameters.pageLength(page));
        parameters.readPage(page, value, StoreRecords.PAYLOAD_AT);
        return value;
    }

    /// Called in each flush with the pages that have changed since the one before.
    void changed(PageSet pages) {
        changedSince.addAll(pages);
    }

    /// Returns the pages that have changed since the image's watermark.
    PageSet changedSince() {
        return changedSince;
    }

    /// Makes this the image of the present state. Pages that are written and have not changed since stay as they are.
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

    /// Logs pages until so many bytes are written, but at least one page.
    void write(long bytesMax, BiConsumer<byte[], byte[]> log, IntConsumer written) {
        long bytes = 0;
        for (int page = unwritten.next(0); page >= 0 && bytes < bytesMax; page = unwritten.next(page + 1)) {
            byte[] value = copies[page] == null ? value(page) : copies[page];
            byte[] key = StoreRecords.key(StoreRecords.PAGE, slot, page);
            int checksum = StoreRecords.seal(key, epoch, value);
            if (checksum != checksums.of(page)) {
                throw new StopException(ExitCode.INTERNAL,
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

    /// Returns the state of which this is the image.
    StoreBase base() {
        return base;
    }

    byte[] carry() {
        return carry;
    }
}
