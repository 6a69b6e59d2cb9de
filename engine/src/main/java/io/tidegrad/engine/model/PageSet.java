package io.tidegrad.engine.model;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/// A set of page numbers, as a bitmap. The learning path only marks pages. For one thread at a time, also to ask: asking takes
/// the marks of `markAll` into the bitmap.
public final class PageSet {
    private static final VarHandle EIGHT_BYTES =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    /// Times eight bytes that are 0 or 1, it puts byte i at bit 56 + i.
    private static final long BYTES_TO_BITS = 0x0102_0408_1020_4080L;

    private final long[] words;
    private final int pages;
    private final byte[] marks; // 1 for a page of `markAll` that `words` doesn't have yet; none if it isn't called
    private boolean hasMarks;

    public PageSet(int pages) {
        this(pages, false);
    }

    /// @param ofRows whether `markAll` is called
    PageSet(int pages, boolean ofRows) {
        this.pages = pages;
        words = new long[(pages + 63) >>> 6];
        marks = new byte[ofRows ? words.length << 6 : 0];
    }

    public void mark(int page) {
        words[page >>> 6] |= 1L << page;
    }

    /// Marks, for each i below `count`, the page of item `before + things[i]`, where 2^shift items fill a page and page
    /// `first` holds item 0. A store of a byte waits for nothing; to set a bit, its word is read first, which the item
    /// before may just have written.
    void markAll(int first, int[] things, int count, int before, int shift) {
        byte[] marks = this.marks;
        for (int i = 0; i < count; i++) {
            marks[first + (before + things[i] >>> shift)] = 1;
        }
        hasMarks = true;
    }

    /// Marks the pages of the same items in two streams.
    void markAll(int first, int second, int[] things, int count, int before, int shift) {
        byte[] marks = this.marks;
        for (int i = 0; i < count; i++) {
            int page = before + things[i] >>> shift;
            marks[first + page] = 1;
            marks[second + page] = 1;
        }
        hasMarks = true;
    }

    /// Takes the marks into the bitmap.
    private void take() {
        if (!hasMarks) {
            return;
        }
        for (int word = 0; word < words.length; word++) {
            long bits = 0;
            for (int i = 0; i < 64; i += 8) {
                long eight = (long) EIGHT_BYTES.get(marks, (word << 6) + i);
                bits |= eight * BYTES_TO_BITS >>> 56 << i;
            }
            words[word] |= bits;
        }
        forget();
    }

    private void forget() {
        Arrays.fill(marks, (byte) 0);
        hasMarks = false;
    }

    /// Marks pages `from` to `to`, both included.
    public void markRange(int from, int to) {
        int firstWord = from >>> 6;
        int lastWord = to >>> 6;
        long firstMask = -1L << from;
        long lastMask = -1L >>> (63 - (to & 63));
        if (firstWord == lastWord) {
            words[firstWord] |= firstMask & lastMask;
            return;
        }
        words[firstWord] |= firstMask;
        for (int word = firstWord + 1; word < lastWord; word++) {
            words[word] = -1L;
        }
        words[lastWord] |= lastMask;
    }

    public void unmark(int page) {
        take();
        words[page >>> 6] &= ~(1L << page);
    }

    public boolean contains(int page) {
        take();
        return (words[page >>> 6] >>> page & 1) != 0;
    }

    /// The first marked page at or after `from`, or -1.
    public int next(int from) {
        take();
        int word = from >>> 6;
        if (from >= pages) {
            return -1;
        }
        long bits = words[word] & (-1L << from);
        while (bits == 0) {
            if (++word == words.length) {
                return -1;
            }
            bits = words[word];
        }
        return (word << 6) + Long.numberOfTrailingZeros(bits);
    }

    public int count() {
        take();
        int count = 0;
        for (long word : words) {
            count += Long.bitCount(word);
        }
        return count;
    }

    public boolean isEmpty() {
        return next(0) < 0;
    }

    public void clear() {
        if (hasMarks) {
            forget();
        }
        Arrays.fill(words, 0);
    }

    public void addAll(PageSet other) {
        other.take();
        for (int word = 0; word < words.length; word++) {
            words[word] |= other.words[word];
        }
    }
}
