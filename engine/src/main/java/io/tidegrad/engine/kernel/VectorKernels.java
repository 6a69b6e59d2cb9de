package io.tidegrad.engine.kernel;

import java.util.Arrays;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/// What the kernels of all vector widths share: the walk over panels and tiles. The loops inside are generated, one class
/// a width, of which a process loads only one: C2 spoils code that has seen two vector widths, for ever.
abstract sealed class VectorKernels implements Kernels permits Simd128, Simd256, Simd512 {
    /// Serves what is left of an elementwise loop after the last whole vector.
    static final ScalarKernels SCALAR = new ScalarKernels();

    /// Where sums start that have no bias: zeros for the widest panel.
    static final float[] ZEROS = new float[64];

    /// 6 rows of 64 columns are the best tile; 8 would be split.
    private static final int WIDE_TILE_INPUTS = 6;

    /// Taps of a convolution whose gradients are computed together: whole tiles of 9 where kernels are 3 x 3.
    private static final int NARROW_TILE_TAPS = 27;

    /// Where the rows of a tile lie in the scratch, for panels of 16 and of 64.
    private static final int[] NARROW_TILE_ROWS = tileRows(16);

    private static final int[] WIDE_TILE_ROWS = tileRows(64);

    private final String name;

    private static int[] tileRows(int width) {
        return IntStream.range(0, TILE / width).map(row -> row * width).toArray();
    }

    VectorKernels(int bits) {
        name = "simd-" + bits;
    }

    /// Widest vectors of this processor that there are kernels for.
    static int widestBits() {
        return Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize());
    }

    static VectorKernels of(int bits) {
        return switch (bits) {
            case 128 -> new Simd128();
            case 256 -> new Simd256();
            case 512 -> new Simd512();
            default ->
                    throw new IllegalArgumentException(
                            "no kernels for vectors of " + bits + " bits");
        };
    }

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final void denseForward(
            Panels panels,
            int fromPanel,
            int toPanel,
            int rows,
            float[] x,
            int xAt,
            int xStride,
            float[] w,
            float @Nullable [] bias,
            float[] y,
            int yAt,
            int yStride) {
        int width = panels.width();
        int inputs = panels.inputs();
        for (int p = fromPanel; p < toPanel; p++) {
            float[] start = bias == null ? ZEROS : bias;
            int startAt = bias == null ? 0 : p * width;
            int wAt = p * inputs * width;
            multiply(
                    width,
                    rows,
                    inputs,
                    x,
                    xAt,
                    xStride,
                    1,
                    w,
                    wAt,
                    width,
                    start,
                    startAt,
                    1f,
                    y,
                    yAt + p * width,
                    yStride);
        }
    }

    @Override
    public final void denseUpdate(
            OptimizerStep step,
            Panels panels,
            int fromInput,
            int toInput,
            int rows,
            float scale,
            float[] x,
            int xAt,
            int xStride,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] w,
            float[][] state,
            float[] tile) {
        if (step.isFrozen()) {
            return;
        }
        int width = panels.width();
        int inputs = panels.inputs();
        int tileInputs = width == 64 ? WIDE_TILE_INPUTS : TILE / width;
        for (int p = 0; p < panels.count(); p++) {
            for (int i = fromInput; i < toInput; i += tileInputs) {
                int count = Math.min(tileInputs, toInput - i);
                multiply(
                        width,
                        count,
                        rows,
                        x,
                        xAt + i,
                        1,
                        xStride,
                        dy,
                        dyAt + p * width,
                        dyStride,
                        ZEROS,
                        0,
                        scale,
                        tile,
                        0,
                        width);
                int at = (p * inputs + i) * width;
                update(step, count * width, tile, 0, w, at, state, at, 0);
            }
        }
    }

    @Override
    public final void denseInputGradientAndUpdate(
            OptimizerStep step,
            Panels panels,
            int fromInput,
            int toInput,
            float scale,
            float[] x,
            int xAt,
            float[] dy,
            int dyAt,
            float[] w,
            float[][] state,
            float @Nullable [] dx,
            int dxAt,
            float[] tile) {
        if (step.isFrozen()) {
            if (dx != null) {
                denseInputGradient(panels, fromInput, toInput, 1, dy, dyAt, 0, w, dx, dxAt, 0);
            }
            return;
        }
        if (dx == null) {
            updateByOneRow(
                    step,
                    panels.inputs(),
                    fromInput,
                    toInput,
                    panels.count(),
                    panels.width(),
                    scale,
                    x,
                    xAt,
                    dy,
                    dyAt,
                    w,
                    state);
        } else {
            inputGradientAndUpdateByOneRow(
                    step,
                    panels.inputs(),
                    fromInput,
                    toInput,
                    panels.count(),
                    panels.width(),
                    scale,
                    x,
                    xAt,
                    dy,
                    dyAt,
                    w,
                    state,
                    dx,
                    dxAt,
                    tile);
        }
    }

    @Override
    public final void biasUpdate(
            OptimizerStep step,
            int width,
            int rows,
            float scale,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] bias,
            float[][] state,
            float[] tile) {
        if (step.isFrozen()) {
            return;
        }
        for (int o = 0; o < width; o += TILE) {
            int count = Math.min(TILE, width - o);
            columnSums(count, rows, scale, dy, dyAt + o, dyStride, tile);
            update(step, count, tile, 0, bias, o, state, o, 0);
        }
    }

    @Override
    public final void convolution(
            Panels panels,
            Patches patches,
            int fromPatch,
            int toPatch,
            float[] x,
            int xAt,
            float[] w,
            float @Nullable [] bias,
            float[] y,
            int yAt) {
        int width = panels.width();
        int taps = panels.inputs();
        for (int p = 0; p < panels.count(); p++) {
            multiplyPatches(
                    width,
                    fromPatch,
                    toPatch,
                    taps,
                    x,
                    xAt,
                    patches.corners(),
                    patches.taps(),
                    w,
                    p * taps * width,
                    width,
                    bias == null ? ZEROS : bias,
                    bias == null ? 0 : p * width,
                    0,
                    y,
                    yAt + p * width,
                    patches.places(),
                    fromPatch);
        }
    }

    @Override
    public final void convolutionUpdate(
            OptimizerStep step,
            Panels panels,
            Patches patches,
            int fromTap,
            int toTap,
            int images,
            float scale,
            float[] x,
            int xAt,
            int xImage,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] w,
            float[][] state,
            float[] tile) {
        int width = panels.width();
        int tileTaps = width == 64 ? WIDE_TILE_INPUTS : NARROW_TILE_TAPS;
        int[] tileRows = width == 64 ? WIDE_TILE_ROWS : NARROW_TILE_ROWS;
        for (int p = 0; p < panels.count(); p++) {
            for (int k = fromTap; k < toTap; k += tileTaps) {
                int end = Math.min(k + tileTaps, toTap);
                for (int image = 0; image < images; image++) {
                    multiplyPatches(
                            width,
                            k,
                            end,
                            patches.count(),
                            x,
                            xAt + image * xImage,
                            patches.taps(),
                            patches.corners(),
                            dy,
                            dyAt + image * patches.count() * dyStride + p * width,
                            dyStride,
                            image == 0 ? ZEROS : tile,
                            0,
                            image == 0 ? 0 : width,
                            tile,
                            0,
                            tileRows,
                            0);
                }
                multiplyTile((end - k) * width, tile, scale);
                int at = (p * panels.inputs() + k) * width;
                update(step, (end - k) * width, tile, 0, w, at, state, at, 0);
            }
        }
    }

    @Override
    public final void multiply(
            int rows,
            int columns,
            int depth,
            float scale,
            float[] a,
            int aAt,
            int aRow,
            int aStep,
            float[] b,
            int bAt,
            int bStep,
            float[] y,
            int yAt,
            int yRow) {
        int c = 0;
        while (c + 16 <= columns) {
            int width = c + 64 <= columns ? 64 : 16;
            multiply(
                    width, rows, depth, a, aAt, aRow, aStep, b, bAt + c, bStep, ZEROS, 0, scale, y,
                    yAt + c, yRow);
            c += width;
        }
        if (c < columns) {
            multiplyFew(
                    rows,
                    columns - c,
                    depth,
                    scale,
                    a,
                    aAt,
                    aRow,
                    aStep,
                    b,
                    bAt + c,
                    bStep,
                    y,
                    yAt + c,
                    yRow);
        }
    }

    @Override
    public final void softmax(
            int rows, int width, float[] x, int xAt, int xStride, float[] y, int yAt, int yStride) {
        for (int r = 0; r < rows; r++) {
            int xRow = xAt + r * xStride;
            int yRow = yAt + r * yStride;
            float max = ScalarKernels.max(width, x, xRow);
            expOfDifference(width, x, xRow, max, y, yRow);
            float sum = ScalarKernels.sum(width, y, yRow);
            for (int k = 0; k < width; k++) {
                y[yRow + k] /= sum;
            }
        }
    }

    /// y[r][c] = scale (start[c] + Σ_k a[r][k] b[k][c]), k ascending, for `rows` rows and the `width` (16 or 64) columns
    /// of one panel. a[r][k] is `a[aAt + r aRow + k aStep]`, which serves x and xᵀ; b[k][c] is `b[bAt + k bStep + c]`.
    abstract void multiply(
            int width,
            int rows,
            int depth,
            float[] a,
            int aAt,
            int aRow,
            int aStep,
            float[] b,
            int bAt,
            int bStep,
            float[] start,
            int startAt,
            float scale,
            float[] y,
            int yAt,
            int yRow);

    /// As `multiply`, but the numbers of a lie where tables say:
    /// y[r][c] = start[r][c] + Σ_k a[r][k] b[k][c], k ascending, for rows `fromRow` to `toRow`, the last not included.
    /// a[r][k] is `a[aAt + aRows[r] + aSteps[k]]`, b[k][c] is `b[bAt + k bStep + c]`; with i = firstPlace + r - fromRow,
    /// start[r] begins at `start[startAt + i startRow]` and y[r] at `y[yAt + yRows[i]]`: both may be the same.
    abstract void multiplyPatches(
            int width,
            int fromRow,
            int toRow,
            int depth,
            float[] a,
            int aAt,
            int[] aRows,
            int[] aSteps,
            float[] b,
            int bAt,
            int bStep,
            float[] start,
            int startAt,
            int startRow,
            float[] y,
            int yAt,
            int[] yRows,
            int firstPlace);

    /// Columns that fill no panel: as `multiply` of the interface, for fewer than 16.
    abstract void multiplyFew(
            int rows,
            int columns,
            int depth,
            float scale,
            float[] a,
            int aAt,
            int aRow,
            int aStep,
            float[] b,
            int bAt,
            int bStep,
            float[] y,
            int yAt,
            int yRow);

    /// The first `length` floats of the tile, a multiple of 16, times `scale`.
    abstract void multiplyTile(int length, float[] tile, float scale);

    abstract void updateByOneRow(
            OptimizerStep step,
            int inputs,
            int fromInput,
            int toInput,
            int panels,
            int width,
            float scale,
            float[] x,
            int xAt,
            float[] dy,
            int dyAt,
            float[] w,
            float[][] state);

    abstract void inputGradientAndUpdateByOneRow(
            OptimizerStep step,
            int inputs,
            int fromInput,
            int toInput,
            int panels,
            int width,
            float scale,
            float[] x,
            int xAt,
            float[] dy,
            int dyAt,
            float[] w,
            float[][] state,
            float[] dx,
            int dxAt,
            float[] tile);

    /// y = e^(x - subtrahend)
    abstract void expOfDifference(
            int length, float[] x, int xAt, float subtrahend, float[] y, int yAt);

    static IllegalStateException frozen() {
        return new IllegalStateException("frozen weights have no update");
    }

    /// The lanes l with bit `distance` set.
    static VectorMask<Float> bit(VectorSpecies<Float> species, int distance) {
        boolean[] lanes = new boolean[species.length()];
        for (int l = 0; l < lanes.length; l++) {
            lanes[l] = (l & distance) != 0;
        }
        return VectorMask.fromArray(species, lanes, 0);
    }

    /// Lane l takes lane l xor `distance`.
    static VectorShuffle<Float> swap(VectorSpecies<Float> species, int distance) {
        int[] sources = new int[species.length()];
        Arrays.setAll(sources, l -> l ^ distance);
        return VectorShuffle.fromArray(species, sources, 0);
    }
}
