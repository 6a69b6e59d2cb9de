package io.tidegrad.engine.model;

/// A set of page numbers, as a bitmap. The learning path only marks pages.
public final class PageSet {
    private final long[] words;
    private final int pages;

    public PageSet(int pages) {
        this.pages = pages;
        words = new long[(pages + 63) >>> 6];
    }

    public void mark(int page) {
        words[page >>> 6] |= 1L << page;
    }

    /// Marks, for each i below `count`, the page of item `before + things[i]`, where 2^shift items fill a page and page
    /// `first` holds item 0. The bitmap of a table is small and stays in a near cache, so this takes less than 1 ns per
    /// item.
    void markAll(int first, int[] things, int count, int before, int shift) {
        long[] words = this.words;
        for (int i = 0; i < count; i++) {
            int page = first + (before + things[i] >>> shift);
            words[page >>> 6] |= 1L << page;
        }
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
        words[page >>> 6] &= ~(1L << page);
    }

    public boolean contains(int page) {
        return (words[page >>> 6] >>> page & 1) != 0;
    }

    /// The first marked page at or after `from`, or -1.
    public int next(int from) {
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
        java.util.Arrays.fill(words, 0);
    }

    public void addAll(PageSet other) {
        for (int word = 0; word < words.length; word++) {
            words[word] |= other.words[word];
        }
    }
}
