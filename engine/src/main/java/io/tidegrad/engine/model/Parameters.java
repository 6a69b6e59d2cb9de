package io.tidegrad.engine.model;

import io.tidegrad.engine.layer.Restart;
import io.tidegrad.engine.layer.Slab;
import io.tidegrad.engine.layer.Step;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// A model's parameters: everything that learning changes. In memory they have the layout of the kernels (panels,
/// or output after output; embedding rows next to their optimizer state). Outside they are two logical byte streams, little-endian and without
/// padding, cut into pages of `PAGE_BYTES` with one numbering:
///
/// - the **served** stream, pages 0 … servedPages-1: the layers' statistics (doubles), then all weights (floats),
///   tensor after tensor in plan order, row-major. This is what a scorer needs. A dense weight has shape (inputs,
///   outputs), an embedding table (rows, dimension);
/// - the **optimizer** stream, pages servedPages … pages-1: the optimizer's state (floats) in the same order, for each
///   row of a tensor part after part (for Adam first all m, then all v), so that a touched table row changes one
///   contiguous range.
///
/// A stream's last page may be shorter. There is one writer (the `Learner`); readers copy.
public final class Parameters {
    /// Bytes of a page of the store. A hash leaf is a whole number of pages.
    public static final int PAGE_BYTES = 8 * 1024;

    private static final int PAGE_SHIFT = Integer.numberOfTrailingZeros(PAGE_BYTES);

    private static final VarHandle FLOAT = MethodHandles.byteArrayViewVarHandle(float[].class, ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat STREAM_FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle DOUBLE =
            MethodHandles.byteArrayViewVarHandle(double[].class, ByteOrder.LITTLE_ENDIAN);

    /// Rows of at most a cache line.
    private static final int SHORT_ROW_FLOATS = 16;

    /// Short rows copied together, so that they stay in the first-level cache.
    private static final int ROWS_AT_ONCE = 32;

    private static final VarHandle FLOAT_PAIR =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long EXPONENTS = 0x7f80_0000_7f80_0000L;
    private static final long LAST_OF_EXPONENTS = 0x0080_0000_0080_0000L;
    private static final long SIGNS = 0x8000_0000_8000_0000L;

    private final Plan plan;
    private final Slab slab;
    private final int servedPages;
    private final int pages;
    private final boolean servedOnly;
    private final PageSet dirty;
    private final int[] everyStep; // ranges of pages that each step changes: from, to, from, to …
    private final boolean[] alike; // tables whose rows change alike in both streams, each within one page
    private final Step.TouchedRows touchedRows = this::markTableRows;
    private final Step.NewRows newRows = this::startRow;
    private final int[] newRow = new int[1];
    private @Nullable Watch watch;
    private @Nullable ServedChanges changes; // null until `changes` is first called
    private long updates;
    private long examples;

    /// @param pages the pages whose first change `told` is called for
    private record Watch(PageSet pages, IntConsumer told) {
        void willChange(int page) {
            pages.unmark(page);
            told.accept(page);
        }
    }

    private Parameters(Plan plan, Slab slab, boolean servedOnly) {
        this.plan = plan;
        this.slab = slab;
        this.servedOnly = servedOnly;
        Streams streams = plan.streams();
        servedPages = streams.servedPages();
        pages = servedPages + (servedOnly ? 0 : streams.optimizerPages());
        dirty = new PageSet(pages, !servedOnly);
        everyStep = servedOnly ? new int[0] : pagesOfEveryStep();
        alike = new boolean[plan.tensors().size()];
        for (int tensor = 0; tensor < alike.length; tensor++) {
            Streams.TableRows served = streams.servedRows[tensor];
            alike[tensor] = changesState(tensor) && served.inOnePage() && served.equals(streams.optimizerRows[tensor]);
        }
    }

    /// Returns parameters with weights drawn from the seed and the optimizer's initial state; all pages are dirty.
    public static Parameters initial(Plan plan) {
        Parameters parameters = blank(plan);
        List<Tensor> tensors = plan.tensors();
        for (int tensor = 0; tensor < tensors.size(); tensor++) {
            switch (parameters.slab.storage(tensor)) {
                case Storage.Floats floats ->
                    FirstWeights.draw(plan.spec(), plan.optimizer(tensor), tensor, 0, tensors.get(tensor), floats);
                case Storage.Doubles(double[] values) ->
                    Arrays.fill(values, ((Tensor.Statistics) tensors.get(tensor)).start());
                case Storage.Touched gradients -> throw new IllegalStateException("gradients have no initial values");
            }
        }
        if (parameters.pages > 0) {
            parameters.dirty.markRange(0, parameters.pages - 1);
        }
        return parameters;
    }

    /// Returns parameters that are all zero, to be filled by `writePage`; no page is dirty.
    public static Parameters blank(Plan plan) {
        return new Parameters(plan, new Slab(plan.tensors(), plan.streams().stateParts), false);
    }

    /// Like `blank`, but without optimizer state (pages == servedPages): what a scorer holds and a `Successor` shares.
    public static Parameters served(Plan plan) {
        return servedFrom(plan, Slab.shareable(plan.tensors()));
    }

    /// Copies the part that a scorer holds, without optimizer state.
    public Parameters servedCopy() {
        Parameters copy = served(plan);
        byte[] page = new byte[PAGE_BYTES];
        for (int number = 0; number < servedPages; number++) {
            readPage(number, page, 0);
            copy.writePage(number, page, 0);
        }
        copy.setCounts(updates, examples);
        return copy;
    }

    static Parameters servedFrom(Plan plan, Slab slab) {
        return new Parameters(plan, slab, true);
    }

    public Plan plan() {
        return plan;
    }

    /// Learning steps taken: the model's version.
    public long updates() {
        return updates;
    }

    /// Rows learned.
    public long examples() {
        return examples;
    }

    /// Sets both counts, when restoring or reading a snapshot.
    public void setCounts(long updates, long examples) {
        this.updates = updates;
        this.examples = examples;
    }

    public int servedPages() {
        return servedPages;
    }

    public int pages() {
        return pages;
    }

    public long servedBytes() {
        return plan.streams().servedBytes;
    }

    public long optimizerBytes() {
        return servedOnly ? 0 : plan.streams().optimizerBytes;
    }

    /// Bytes of this page: PAGE_BYTES, fewer for a stream's last page.
    public int pageLength(int page) {
        long rest = page < servedPages ? servedBytes() - (long) page * PAGE_BYTES
                : optimizerBytes() - (long) (page - servedPages) * PAGE_BYTES;
        return (int) Math.min(PAGE_BYTES, rest);
    }

    public void readPage(int page, byte[] to, int at) {
        transfer(page, to, at, Direction.READ);
    }

    /// Copies `length` bytes of the served stream, starting at its byte `at`. The range must consist of whole values.
    public void readServed(long at, byte[] to, int offset, int length) {
        transfer(true, at, at + length, to, offset, Direction.READ);
    }

    /// Fills a page from bytes, without marking it dirty.
    public void writePage(int page, byte[] from, int at) {
        transfer(page, from, at, Direction.WRITE);
    }

    /// The pages changed since the caller last cleared the set.
    public PageSet dirty() {
        return dirty;
    }

    /// From now on, before a step first changes a page of `pages`, the page is removed from that set and `willChange`
    /// is called with its number, while the page still has its old content. So a reader gets all pages as of one moment
    /// while learning goes on, and only copies those that change.
    public void watch(PageSet pages, IntConsumer willChange) {
        watch = new Watch(pages, willChange);
    }

    public void unwatch() {
        watch = null;
    }

    /// The changes of the served stream since the caller last cleared them, independent of `dirty`. They are tracked
    /// from the first call on, which reports everything as changed.
    public ServedChanges changes() {
        ServedChanges noted = changes;
        if (noted == null) {
            noted = new ServedChanges(plan);
            changes = noted;
        }
        return noted;
    }

    /// The first page that holds a NaN or an infinity, or -1.
    public int firstNonFinitePage() {
        PageSet all = new PageSet(pages);
        if (pages > 0) {
            all.markRange(0, pages - 1);
        }
        return firstNonFinitePage(all);
    }

    /// The first page in `among` that holds a NaN or an infinity, or -1.
    public int firstNonFinitePage(PageSet among) {
        byte[] bytes = new byte[PAGE_BYTES];
        for (int page = among.next(0); page >= 0; page = among.next(page + 1)) {
            readPage(page, bytes, 0);
            if (!isFinite(page, bytes, 0)) {
                return page;
            }
        }
        return -1;
    }

    /// Returns whether a page's bytes, as `readPage` gives them, hold neither a NaN nor an infinity.
    public boolean isFinite(int page, byte[] bytes, int from) {
        long at = page < servedPages ? (long) page * PAGE_BYTES : Long.MAX_VALUE / 2;
        return firstNonFinite(plan.streams(), at, bytes, from, pageLength(page)) < 0;
    }

    /// Index in `bytes` of the first NaN or infinity among `length` bytes from `from` on, or -1.
    ///
    /// @param at the bytes' place in the served stream; for bytes of another stream, any place after the statistics
    static int firstNonFinite(Streams streams, long at, byte[] bytes, int from, int length) {
        int end = from + length;
        int doublesEnd = from + Math.clamp(streams.statisticsBytes - at, 0, length);
        for (int i = from; i < doublesEnd; i += Double.BYTES) {
            if (!Double.isFinite((double) DOUBLE.get(bytes, i))) {
                return i;
            }
        }
        int pairsEnd = doublesEnd + (end - doublesEnd & -2 * Float.BYTES);
        int unknown = areFinite(bytes, doublesEnd, pairsEnd) ? pairsEnd : doublesEnd;
        for (int i = unknown; i < end; i += Float.BYTES) {
            if (!Float.isFinite((float) FLOAT.get(bytes, i))) {
                return i;
            }
        }
        return -1;
    }

    /// Returns whether all floats are finite, two at a time and without a branch for each: the exponent of one that isn't
    /// is all ones, so that 1 added to it reaches the place of the sign.
    private static boolean areFinite(byte[] bytes, int from, int to) {
        long carries = 0;
        for (int i = from; i < to; i += 2 * Float.BYTES) {
            carries |= ((long) FLOAT_PAIR.get(bytes, i) & EXPONENTS) + LAST_OF_EXPONENTS;
        }
        return (carries & SIGNS) == 0;
    }

    /// Copies one tensor's weights, shape (rows, columns), row-major, as in the streams. Tensors are named as in
    /// `Planner`: `2.weight` belongs to the sequence's third layer.
    public float[] weights(String tensor) {
        return read(plan.tensor(tensor), 0);
    }

    /// Copies one part of one tensor's optimizer state, in the shape of `weights`. Parts count from 1 in the order in
    /// which the kinds of `OptimizerStep` name them: Adam's m is part 1, its v part 2.
    public float[] state(String tensor, int part) {
        requirePart(part);
        return read(plan.tensor(tensor), part);
    }

    private void requirePart(int part) {
        int parts = servedOnly ? 0 : plan.streams().stateParts;
        if (part < 1 || part > parts) {
            throw new IllegalArgumentException("expected a part of the state from 1 to " + parts + ", found " + part);
        }
    }

    /// Sets one part of one tensor's optimizer state, parts and shape as those of `state`. Marks every page dirty.
    public void setState(String tensor, int part, float[] values) {
        requirePart(part);
        int index = plan.tensor(tensor);
        slab.storage(index).write(plan.tensors().get(index), part, values);
        markEverything();
    }

    private float[] read(int tensor, int part) {
        return slab.storage(tensor).read(plan.tensors().get(tensor), part);
    }

    /// Copies one tensor of statistics that a layer has learned from its inputs, such as `1.statistics`.
    public double[] statistics(String tensor) {
        return doubles(tensor).clone();
    }

    /// Sets one tensor of statistics and marks every page dirty.
    public void setStatistics(String tensor, double[] values) {
        double[] statistics = doubles(tensor);
        if (values.length != statistics.length) {
            throw new IllegalArgumentException(
                    tensor + ": expected " + statistics.length + " numbers, found " + values.length);
        }
        System.arraycopy(values, 0, statistics, 0, values.length);
        markEverything();
    }

    /// Every tensor's statistics; empty arrays for tensors of another kind.
    double[][] statistics() {
        double[][] statistics = new double[plan.tensors().size()][0];
        for (int tensor = 0; tensor < statistics.length; tensor++) {
            if (slab.storage(tensor) instanceof Storage.Doubles(double[] values)) {
                statistics[tensor] = values;
            }
        }
        return statistics;
    }

    private double[] doubles(String tensor) {
        if (slab.storage(plan.tensor(tensor)) instanceof Storage.Doubles(double[] values)) {
            return values;
        }
        throw new IllegalArgumentException(tensor + " holds weights, not statistics");
    }

    /// Sets one tensor's weights, shape (rows, columns), row-major, and resets its optimizer state. Marks every page
    /// dirty.
    public void setWeights(String tensor, float[] values) {
        int index = plan.tensor(tensor);
        slab.storage(index).write(plan.tensors().get(index), 0, values);
        if (!servedOnly && slab.storage(index) instanceof Storage.Floats floats) {
            FirstWeights.startState(plan.optimizer(index), plan.tensors().get(index), floats);
        }
        markEverything();
    }

    /// Sets the optimizer's state of all tensors to what it is before the first update, derived from the present weights.
    /// Tells the watchers of its pages before and marks these dirty. The served stream and the counts stay as they are.
    public void resetOptimizer() {
        if (pages == servedPages) {
            return;
        }
        tellWatcher(servedPages, pages - 1);
        List<Tensor> tensors = plan.tensors();
        for (int tensor = 0; tensor < tensors.size(); tensor++) {
            if (slab.storage(tensor) instanceof Storage.Floats floats) {
                FirstWeights.startState(plan.optimizer(tensor), tensors.get(tensor), floats);
            }
        }
        dirty.markRange(servedPages, pages - 1);
    }

    /// Draws tensors again, but those that keep their first values, and sets their optimizer state to what it is before the first
    /// update. Tells the watchers of their pages before and marks these dirty.
    ///
    /// @param draw how often they were drawn before
    void drawAgain(Restart restart, long draw) {
        PageSet touched = new PageSet(pages);
        for (int tensor = restart.from(); tensor < restart.to(); tensor++) {
            Tensor declared = plan.tensors().get(tensor);
            if (slab.storage(tensor) instanceof Storage.Floats && !plan.isFrozen(tensor)) {
                markTensor(touched, tensor, plan.streams().servedBytes(declared));
            }
        }
        for (int page = touched.next(0); page >= 0; page = touched.next(page + 1)) {
            tellWatcher(page, page);
            dirty.mark(page);
        }
        for (int tensor = restart.from(); tensor < restart.to(); tensor++) {
            if (slab.storage(tensor) instanceof Storage.Floats floats && !plan.isFrozen(tensor)) {
                FirstWeights.draw(plan.spec(), plan.optimizer(tensor), tensor, draw, plan.tensors().get(tensor),
                        floats);
            }
        }
        if (changes != null) {
            changes.all();
        }
    }

    private void markTensor(PageSet set, int tensor, long bytes) {
        Streams streams = plan.streams();
        mark(set, 0, streams.served[tensor], bytes);
        if (streams.stateParts > 0) {
            mark(set, servedPages, streams.optimizer[tensor], bytes * streams.stateParts);
        }
    }

    private void markEverything() {
        dirty.markRange(0, pages - 1);
        if (changes != null) {
            changes.all();
        }
    }

    boolean isServedOnly() {
        return servedOnly;
    }

    Slab slab() {
        return slab;
    }

    Step.TouchedRows touchedRows() {
        return touchedRows;
    }

    Step.NewRows newRows() {
        return newRows;
    }

    private void startRow(int tensor, int row, long draw) {
        newRow[0] = row;
        markTableRows(tensor, newRow, 1);
        Tensor.Table table = (Tensor.Table) plan.tensors().get(tensor);
        FirstWeights.drawRow(plan.spec(), plan.optimizer(tensor), tensor, draw, table, row,
                (Storage.Floats) slab.storage(tensor));
    }

    /// Called before a step's backward pass: tells the watchers of the pages that every step changes.
    void beforeStep() {
        for (int i = 0; i < everyStep.length; i += 2) {
            tellWatcher(everyStep[i], everyStep[i + 1]);
        }
    }

    private void tellWatcher(int first, int last) {
        Watch watch = this.watch;
        if (watch != null) {
            for (int page = watch.pages.next(first); page >= 0 && page <= last; page = watch.pages.next(page + 1)) {
                watch.willChange(page);
            }
        }
    }

    /// Counts a step and marks the pages that every step changes; touched rows have already been marked.
    void stepped(int rows) {
        updates++;
        examples += rows;
        for (int i = 0; i < everyStep.length; i += 2) {
            dirty.markRange(everyStep[i], everyStep[i + 1]);
        }
        if (changes != null) {
            changes.stepped();
        }
    }

    private void markTableRows(int tensor, int[] rows, int count) {
        Streams streams = plan.streams();
        Streams.TableRows served = streams.servedRows[tensor];
        if (alike[tensor] && watch == null) {
            dirty.markAll(0, servedPages, rows, count, served.before(), served.pageShift());
        } else {
            markRows(0, served, rows, count);
            if (changesState(tensor)) {
                markRows(servedPages, streams.optimizerRows[tensor], rows, count);
            }
        }
        if (changes != null) {
            changes.touched(tensor, rows, count);
        }
    }

    private boolean changesState(int tensor) {
        return plan.streams().stateParts > 0 && !plan.isFrozen(tensor);
    }

    /// Marks the pages of a table's rows in the stream that begins with page `firstPage`.
    private void markRows(int firstPage, Streams.TableRows table, int[] rows, int count) {
        Watch watch = this.watch;
        if (table.inOnePage() && watch == null) {
            dirty.markAll(firstPage, rows, count, table.before(), table.pageShift());
            return;
        }
        long rowBytes = table.rowBytes();
        for (int i = 0; i < count; i++) {
            long at = table.start() + rows[i] * rowBytes;
            mark(dirty, firstPage, at, rowBytes);
            if (watch != null) {
                int last = firstPage + (int) (at + rowBytes - 1 >>> PAGE_SHIFT);
                for (int page = firstPage + (int) (at >>> PAGE_SHIFT); page <= last; page++) {
                    if (watch.pages.contains(page)) {
                        watch.willChange(page);
                    }
                }
            }
        }
    }

    /// Ranges of pages of the tensors that every step changes as a whole; adjacent ranges are joined.
    private int[] pagesOfEveryStep() {
        PageSet set = new PageSet(pages);
        Streams streams = plan.streams();
        for (int tensor = 0; tensor < plan.tensors().size(); tensor++) {
            Tensor declared = plan.tensors().get(tensor);
            boolean statistics = declared instanceof Tensor.Statistics;
            long bytes = streams.servedBytes(declared);
            if (!plan.changesEveryStep(tensor)) {
                continue;
            }
            if (statistics) {
                mark(set, 0, streams.served[tensor], bytes);
            } else {
                markTensor(set, tensor, bytes);
            }
        }
        int[] ranges = new int[2 * set.count()];
        int used = 0;
        for (int page = set.next(0); page >= 0; page = set.next(page + 1)) {
            if (used > 0 && ranges[used - 1] == page - 1) {
                ranges[used - 1] = page;
            } else {
                ranges[used++] = page;
                ranges[used++] = page;
            }
        }
        return Arrays.copyOf(ranges, used);
    }

    /// Marks the pages of `bytes` bytes from byte `at` of the stream that begins with page `firstPage`.
    private static void mark(PageSet set, int firstPage, long at, long bytes) {
        int first = firstPage + (int) (at >>> PAGE_SHIFT);
        long rest = PAGE_BYTES - (at & PAGE_BYTES - 1);
        if (bytes <= rest) {
            set.mark(first);
        } else {
            set.markRange(first, firstPage + (int) (at + bytes - 1 >>> PAGE_SHIFT));
        }
    }

    enum Direction {
        READ, WRITE
    }

    private void transfer(int page, byte[] bytes, int at, Direction direction) {
        boolean inServed = page < servedPages;
        long from = (long) (inServed ? page : page - servedPages) * PAGE_BYTES;
        transfer(inServed, from, from + pageLength(page), bytes, at, direction);
    }

    /// Copies bytes `from` to `to` of one of the streams.
    private void transfer(boolean inServed, long from, long to, byte[] bytes, int at, Direction direction) {
        Streams streams = plan.streams();
        int[] order = inServed ? streams.servedOrder : streams.optimizerOrder;
        long[] starts = inServed ? streams.served : streams.optimizer;
        for (int i = Streams.lastNotAfter(order, starts, from); i < order.length && starts[order[i]] < to; i++) {
            int tensor = order[i];
            Tensor declared = plan.tensors().get(tensor);
            long start = starts[tensor];
            switch (slab.storage(tensor)) {
                case Storage.Doubles(double[] values) -> transferDoubles(values, start, from, to, bytes, at, direction);
                case Storage.Touched gradients ->
                    throw new IllegalStateException(declared.name() + ": gradients have no pages");
                case Storage.Floats floats -> transferFloats(declared, floats, inServed ? 0 : 1,
                        inServed ? 1 : streams.stateParts, start, from, to, bytes, at, direction);
            }
        }
    }

    /// Copies the part of `values`, which start at byte `start` of the stream, that lies in bytes `from` to `to`.
    static void transferDoubles(double[] values, long start, long from, long to, byte[] bytes, int at,
            Direction direction) {
        long end = start + (long) values.length * Double.BYTES;
        for (long byteAt = Math.max(start, from); byteAt < Math.min(end, to); byteAt += Double.BYTES) {
            int value = (int) ((byteAt - start) / Double.BYTES);
            int in = at + (int) (byteAt - from);
            switch (direction) {
                case READ -> DOUBLE.set(bytes, in, values[value]);
                case WRITE -> values[value] = (double) DOUBLE.get(bytes, in);
            }
        }
    }

    /// Like `transferDoubles`, for the `parts` parts of a tensor from `firstPart` on, which follow one another in each
    /// row.
    static void transferFloats(Tensor tensor, Storage.Floats storage, int firstPart, int parts, long start, long from,
            long to, byte[] bytes, int at, Direction direction) {
        int columns = tensor.columns();
        int rowFloats = Math.multiplyExact(columns, parts);
        long end = Math.min(to, start + (long) tensor.rows() * rowFloats * Float.BYTES);
        long byteAt = Math.max(start, from);
        long value = (byteAt - start) / Float.BYTES;
        int row = (int) (value / rowFloats);
        int inRow = (int) (value % rowFloats);
        int step = storage.step();
        while (byteAt < end) {
            if (inRow == 0 && storage instanceof Storage.Rows table && table.rowFloats() > rowFloats) {
                int rows = (int) Math.min(table.rowsInBlock(row), (end - byteAt) / ((long) rowFloats * Float.BYTES));
                if (rows > 0) {
                    copyRows(table.array(firstPart, row), table.index(firstPart, row, 0), table.rowFloats(), rowFloats,
                            rows, bytes, at + (int) (byteAt - from), direction);
                    byteAt += (long) rows * rowFloats * Float.BYTES;
                    row += rows;
                    continue;
                }
            }
            int part = firstPart + (parts == 1 ? 0 : inRow / columns);
            int column = parts == 1 ? inRow : inRow % columns;
            int run = (int) Math.min(storage.run(row, column), (end - byteAt) / Float.BYTES);
            float[] array = storage.array(part, row);
            int index = storage.index(part, row, column);
            int in = at + (int) (byteAt - from);
            if (step == 1) {
                copy(array, index, bytes, in, run, direction);
            } else {
                copy(array, index, step, bytes, in, run, direction);
            }
            byteAt += (long) run * Float.BYTES;
            inRow += run;
            if (inRow >= rowFloats) {
                row += inRow / rowFloats;
                inRow %= rowFloats;
            }
        }
    }

    /// Copies rows that lie `apart` floats from each other in the array, and one after the other in the bytes. Short rows
    /// float by float, because a call costs more than their floats; and first one float of each, so that the cache misses
    /// overlap: a page of rows of 4 floats takes 2.1 us, of 16 floats 1.6 us; by calls 4.5 and 2.0 us.
    private static void copyRows(float[] array, int index, int apart, int rowFloats, int rows, byte[] bytes, int in,
            Direction direction) {
        if (rowFloats > SHORT_ROW_FLOATS) {
            for (int row = 0; row < rows; row++) {
                copy(array, index + row * apart, bytes, in + row * rowFloats * Float.BYTES, rowFloats, direction);
            }
            return;
        }
        for (int row = 0; row < rows; row += ROWS_AT_ONCE) {
            copyShortRows(array, index + row * apart, apart, rowFloats, Math.min(ROWS_AT_ONCE, rows - row), bytes,
                    in + row * rowFloats * Float.BYTES, direction);
        }
    }

    private static void copyShortRows(float[] array, int index, int apart, int rowFloats, int rows, byte[] bytes,
            int in, Direction direction) {
        switch (direction) {
            case READ -> {
                int near = 0;
                for (int row = 0; row < rows; row++) {
                    near ^= Float.floatToRawIntBits(array[index + row * apart]);
                }
                bytes[in] = (byte) near; // so that the loop has a use; the first row overwrites it
                for (int row = 0; row < rows; row++) {
                    int floats = index + row * apart;
                    int to = in + row * rowFloats * Float.BYTES;
                    for (int i = 0; i < rowFloats; i++) {
                        FLOAT.set(bytes, to + i * Float.BYTES, array[floats + i]);
                    }
                }
            }
            case WRITE -> {
                for (int row = 0; row < rows; row++) {
                    int floats = index + row * apart;
                    int from = in + row * rowFloats * Float.BYTES;
                    for (int i = 0; i < rowFloats; i++) {
                        array[floats + i] = (float) FLOAT.get(bytes, from + i * Float.BYTES);
                    }
                }
            }
        }
    }

    private static void copy(float[] array, int index, byte[] bytes, int in, int count, Direction direction) {
        MemorySegment segment = MemorySegment.ofArray(bytes);
        switch (direction) {
            case READ -> MemorySegment.copy(array, index, segment, STREAM_FLOAT, in, count);
            case WRITE -> MemorySegment.copy(segment, STREAM_FLOAT, in, array, index, count);
        }
    }

    /// @param step distance of two floats in the array
    private static void copy(float[] array, int index, int step, byte[] bytes, int in, int count, Direction direction) {
        switch (direction) {
            case READ -> {
                for (int i = 0; i < count; i++) {
                    FLOAT.set(bytes, in + i * Float.BYTES, array[index + i * step]);
                }
            }
            case WRITE -> {
                for (int i = 0; i < count; i++) {
                    array[index + i * step] = (float) FLOAT.get(bytes, in + i * Float.BYTES);
                }
            }
        }
    }
}
