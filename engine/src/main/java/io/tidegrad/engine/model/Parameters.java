package io.tidegrad.engine.model;

/// The slab: everything that learning changes. In memory in the layout of the kernels (panels; embedding rows beside
/// their optimizer state); outside always as two tight logical byte streams, little-endian, cut into pages of
/// `PAGE_BYTES` in one numbering:
///
/// - the **served** stream, pages 0 … servedPages-1: the layers' statistics (doubles), then all weights (floats), tensor
///   after tensor in plan order, row-major, no padding: what a scorer needs;
/// - the **optimizer** stream, pages servedPages … pages-1: the optimizer's state (floats) in the same order.
///
/// A stream's last page may be short. One writer (the `Learner`); readers copy.
public final class Parameters {
    /// A store page. A hash leaf is a whole number of them.
    public static final int PAGE_BYTES = 8 * 1024;

    /// Weights drawn from the seed, state zero, all pages marked dirty.
    public static Parameters initial(Plan plan) {
        throw new UnsupportedOperationException();
    }

    /// All zero, to be filled by `writePage`, nothing dirty.
    public static Parameters blank(Plan plan) {
        throw new UnsupportedOperationException();
    }

    /// As `blank`, but without optimizer state (pages == servedPages): what a scorer holds.
    public static Parameters served(Plan plan) {
        throw new UnsupportedOperationException();
    }

    public Plan plan() {
        throw new UnsupportedOperationException();
    }

    /// Learning steps taken: the model's version.
    public long updates() {
        throw new UnsupportedOperationException();
    }

    /// Rows learned.
    public long examples() {
        throw new UnsupportedOperationException();
    }

    /// For restore and snapshots.
    public void setCounts(long updates, long examples) {
        throw new UnsupportedOperationException();
    }

    public int servedPages() {
        throw new UnsupportedOperationException();
    }

    public int pages() {
        throw new UnsupportedOperationException();
    }

    public long servedBytes() {
        throw new UnsupportedOperationException();
    }

    public long optimizerBytes() {
        throw new UnsupportedOperationException();
    }

    /// Bytes of this page: PAGE_BYTES but for a stream's last.
    public int pageLength(int page) {
        throw new UnsupportedOperationException();
    }

    public void readPage(int page, byte[] to, int at) {
        throw new UnsupportedOperationException();
    }

    /// Does not mark the page dirty.
    public void writePage(int page, byte[] from, int at) {
        throw new UnsupportedOperationException();
    }

    /// Pages changed since the caller last cleared the set.
    public PageSet dirty() {
        throw new UnsupportedOperationException();
    }

    /// The first page in `among` that holds a NaN or an infinity, or -1.
    public int firstNonFinitePage(PageSet among) {
        throw new UnsupportedOperationException();
    }
}
