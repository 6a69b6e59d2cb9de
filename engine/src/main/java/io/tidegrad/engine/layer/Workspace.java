package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Panels;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Allocates one thread's activations and gradients, once, for a batch of the largest size, or only counts their bytes
/// (`counting`). Passes request all memory here whose size grows with the layer.
public final class Workspace {
    /// Rows of a block start at multiples of this many floats, one 512-bit vector, so that kernels have no tails.
    private static final int LANES = 16;

    private final int maxRows;
    private final Purpose purpose;

    /// The lengths that the returned arrays stand for when only counting; null when they are allocated.
    private final @Nullable Map<float[], Integer> counted;

    private long bytes;
    private int scratch;
    private final List<Watched> watched = new ArrayList<>();
    private final List<Watched> members = new ArrayList<>();
    private final List<Pass> remembering = new ArrayList<>();
    private final Map<Integer, Quantiles.Bounds> bounds = new HashMap<>(); // by the tensor of their statistics

    public enum Purpose {
        /// Forward only: no gradients are allocated.
        PREDICT, LEARN,
        /// Like LEARN, and the gradient of the row's numbers is kept too.
        REPORT_GRADIENTS
    }

    public Workspace(int maxRows, Purpose purpose) {
        this(maxRows, purpose, null);
    }

    private Workspace(int maxRows, Purpose purpose, @Nullable Map<float[], Integer> counted) {
        this.counted = counted;
        if (maxRows < 1) {
            throw new IllegalArgumentException("a workspace holds at least 1 row, asked for " + maxRows);
        }
        this.maxRows = maxRows;
        this.purpose = purpose;
    }

    /// A workspace that only counts bytes. Passes bound to it can't run, because their arrays are empty.
    public static Workspace counting(int maxRows, Purpose purpose) {
        return new Workspace(maxRows, purpose, new IdentityHashMap<>());
    }

    /// Registers a layer's output, in the order in which layers run forward.
    void watch(String place, Shape.Grid grid, Activation output, boolean cuts) {
        watched.add(new Watched(place, grid.lines(), grid.width(), output, cuts));
    }

    /// Every layer that was bound; inner layers come before the layer around them.
    public List<Watched> watched() {
        return List.copyOf(watched);
    }

    /// Registers the outputs of a mixture's member.
    void addMember(Watched output) {
        members.add(output);
    }

    /// The outputs of all members of mixtures, in their order.
    public List<Watched> members() {
        return List.copyOf(members);
    }

    /// Registers a pass whose `remember` is called at the end of each step of learning.
    void remember(Pass pass) {
        remembering.add(pass);
    }

    /// The passes that remember rows, in their order.
    public List<Pass> remembering() {
        return List.copyOf(remembering);
    }

    /// The bounds of quantiles, which all passes share that read the same.
    ///
    /// @param statistics the tensor of the layer's statistics
    Quantiles.Bounds bounds(Quantiles layer, int statistics) {
        return bounds.computeIfAbsent(statistics,
                tensor -> new Quantiles.Bounds(layer.buckets(), tensor, doubles(layer.buckets() - 1)));
    }

    /// Bytes of everything requested so far.
    public long bytes() {
        return bytes;
    }

    /// Requests, for each worker, the scratch that the dense kernels need for these panels; passes share it.
    void needScratch(Panels panels) {
        scratch = Math.max(scratch, panels.scratch());
    }

    /// Floats of scratch per worker.
    public int scratch() {
        return scratch;
    }

    boolean isCounting() {
        return counted != null;
    }

    /// Adds the bytes that a pass allocates itself.
    void count(long bytes) {
        this.bytes += bytes;
    }

    float[] floats(int length) {
        bytes += (long) Float.BYTES * length;
        if (counted == null) {
            return new float[length];
        }
        float[] empty = new float[0];
        counted.put(empty, length);
        return empty;
    }

    double[] doubles(int length) {
        bytes += (long) Double.BYTES * length;
        return new double[isCounting() ? 0 : length];
    }

    /// Allocates as many floats as `values` has.
    float[] floatsLike(float[] values) {
        return floats(counted == null ? values.length : Objects.requireNonNull(counted.get(values)));
    }

    int maxRows() {
        return maxRows;
    }

    boolean learns() {
        return purpose != Purpose.PREDICT;
    }

    boolean reportsInputGradients() {
        return purpose == Purpose.REPORT_GRADIENTS;
    }

    /// The width with padding: floats from one line of a block to the next.
    static int padded(int width) {
        return Math.ceilDiv(width, LANES) * LANES;
    }

    /// A matrix (maxRows, width) of zeros.
    Block block(int width) {
        return block(1, width);
    }

    /// A matrix (maxRows · lines, width) of zeros.
    Block block(int lines, int width) {
        int stride = padded(width);
        int length = Math.multiplyExact(Math.multiplyExact(maxRows, lines), stride);
        // The array is longer, so that a vector that begins in the last line ends inside it; otherwise masks would be
        // allocated on the heap.
        return new Block(floats(Math.addExact(length, LANES)), 0, stride);
    }

    /// A block of zeros for a grid's numbers.
    public Block block(Shape.Grid grid) {
        return block(grid.lines(), grid.width());
    }

    /// Another block of the same size; null for none.
    @Nullable
    Block like(@Nullable Block block) {
        return block == null ? null : new Block(floatsLike(block.values), block.at, block.stride);
    }

    Activation activation(int lines, int width, boolean gradient) {
        return new Activation(block(lines, width), gradient && learns() ? block(lines, width) : null);
    }

    /// What a layer writes its output to: `into`, or an activation with a gradient if the input has one.
    Activation output(Shape.Grid grid, Activation input, @Nullable Activation into) {
        return into != null ? into : activation(grid, input.gradient() != null);
    }

    Activation activation(Shape.Grid grid, boolean gradient) {
        return activation(grid.lines(), grid.width(), gradient);
    }
}
