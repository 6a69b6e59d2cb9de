package io.tidegrad.engine.kernel;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Iterates over panels, images and tiles of convolutions; the inner loops are generated.
interface VectorConvolutionKernels extends ConvolutionKernels, OptimizerKernels, NormKernels {
    /// Taps of a convolution whose gradients are computed together: three tiles of 9 for 3 x 3 kernels.
    int NARROW_TILE_TAPS = 27;

    /// Floats from one patch of a piece to the next, for pixels of up to 16 channels.
    int PIECE_STEP = 16;

    /// The fewest taps in a tile that each begin a line of the kernel and are computed together with their two
    /// neighbours.
    int THREES_LEAST = 3;

    /// Index of the sums of dy in the scratch for such taps.
    int THREES_SUMS_AT = Kernels.TILE;

    /// Columns of the largest and the smallest tile of planes: three vectors of 512 bits, and one.
    int PLANE_TILE = 48;

    int PLANE_TILE_LEAST = 16;

    /// Index in the scratch of a tile of planes as lines.
    int PLANES_AT = NARROW_OUTPUTS * PLANE_TILE;

    /// Indices of a tile's rows in the scratch, for panels of 16 and of 64.
    int[] NARROW_TILE_ROWS = tileRows(16);

    int[] WIDE_TILE_ROWS = tileRows(64);

    private static int[] tileRows(int width) {
        return IntStream.range(0, Kernels.TILE / width).map(row -> row * width).toArray();
    }

    @Override
    default void convolution(Panels panels, Patches patches, int fromPatch, int toPatch, float[] x, int xAt, float[] w,
            float @Nullable [] bias, float[] y, int yAt) {
        int width = panels.width();
        int taps = panels.inputs();
        float[] start = bias == null ? VectorKernels.ZEROS : bias;
        boolean inPieces = liesInPieces(width, patches, fromPatch, toPatch);
        boolean inLines = liesInLines(width, patches, fromPatch, toPatch);
        for (int p = 0; p < panels.count(); p++) {
            int wAt = p * taps * width;
            int startAt = bias == null ? 0 : p * width;
            int yPanel = yAt + p * width;
            if (inPieces) {
                multiplyPieces(patches, fromPatch, toPatch, x, xAt, w, wAt, start, startAt, y, yPanel);
            } else if (inLines) {
                multiplyLines(stripOf(patches.lineLength), patches.lineLength, fromPatch, toPatch, x, xAt,
                        patches.corners, patches.taps, w, wAt, start, startAt, y, yPanel, patches.places,
                        patches.placeStep);
            } else {
                multiplyStripsAndPatches(width, patches, fromPatch, toPatch, x, xAt, w, wAt, start, startAt, y, yPanel);
            }
        }
    }

    private static boolean areWholeLines(Patches patches, int fromPatch, int toPatch) {
        int line = patches.lineLength;
        return line > 0 && fromPatch % line == 0 && toPatch % line == 0;
    }

    /// Whether `multiplyPieces` takes the patches.
    private boolean liesInPieces(int width, Patches patches, int fromPatch, int toPatch) {
        int least = Math.ceilDiv(longestPiece(), 2);
        return width == 16 && least > 0 && patches.inThreeLines && patches.cornerStep == PIECE_STEP
                && patches.lineLength >= least && areWholeLines(patches, fromPatch, toPatch)
                && toPatch - fromPatch >= 2 * patches.lineLength;
    }

    /// Whether `multiplyLines` takes the patches.
    private boolean liesInLines(int width, Patches patches, int fromPatch, int toPatch) {
        return width == 16 && holdsKernel() && patches.isThreeByThree() && patches.lineLength >= shortestStrip(width, 1)
                && areWholeLines(patches, fromPatch, toPatch);
    }

    /// The length of the strips that make up a line.
    private int stripOf(int line) {
        return Math.ceilDiv(line, Math.ceilDiv(line, longestStrip(1)));
    }

    /// Multiplies whole lines of patches, in pieces of about the same length.
    private void multiplyPieces(Patches patches, int fromPatch, int toPatch, float[] x, int xAt, float[] w, int wAt,
            float[] start, int startAt, float[] y, int yAt) {
        int line = patches.lineLength;
        int pieces = Math.ceilDiv(line, longestPiece());
        int from = 0;
        for (int piece = 1; piece <= pieces; piece++) {
            int to = line * piece / pieces;
            multiplyPiece(to - from, (toPatch - fromPatch) / line, patches.taps.length / 3, x,
                    xAt + patches.corners[fromPatch] + from * PIECE_STEP, patches.cornerLine(), patches.taps, w, wAt,
                    start, startAt, y, yAt + patches.places[fromPatch] + from * patches.placeStep, patches.placeLine(),
                    patches.placeStep);
            from = to;
        }
    }

    private void multiplyStripsAndPatches(int width, Patches patches, int fromPatch, int toPatch, float[] x, int xAt,
            float[] w, int wAt, float[] start, int startAt, float[] y, int yAt) {
        int taps = patches.taps.length;
        int least = shortestStrip(width, patches.cornerStep);
        int from = fromPatch;
        while (from < toPatch) {
            int to = from + Math.min(patches.patchRuns[from], toPatch - from);
            if (to - from >= least) {
                multiplyStrips(to - from, taps, patches.inThrees, x, xAt + patches.corners[from], patches.cornerStep,
                        patches.taps, w, wAt, width, start, startAt, 0, y, yAt + patches.places[from],
                        patches.placeStep);
            } else {
                while (to < toPatch && patches.patchRuns[to] < least) {
                    to = Math.min(toPatch, to + patches.patchRuns[to]);
                }
                multiplyPatches(width, from, to, taps, x, xAt, patches.corners, patches.taps, w, wAt, width, start,
                        startAt, 0, y, yAt, patches.places, from);
            }
            from = to;
        }
    }

    @Override
    default void convolutionOfPlanes(Panels panels, int[] taps, int lines, int columns, float[] x, int xAt, int xLine,
            float[] w, float[] y, int yAt, int yStride, float[] tile) {
        // Columns from the first corner to the last, including those between the end of a line and the next, whose
        // results are dropped.
        int all = (lines - 1) * xLine + columns;
        if (all < PLANE_TILE_LEAST) {
            VectorKernels.SCALAR.convolutionOfPlanes(panels, taps, lines, columns, x, xAt, xLine, w, y, yAt, yStride,
                    tile);
            return;
        }
        int outputs = panels.outputs();
        int width = panels.width();
        for (int from = 0; from < all;) {
            int left = all - from;
            int count = left >= PLANE_TILE ? PLANE_TILE
                    : left > PLANE_TILE_LEAST && all >= 2 * PLANE_TILE_LEAST ? 2 * PLANE_TILE_LEAST : PLANE_TILE_LEAST;
            // The last tile overlaps the one before it, so that nothing is read beyond the last corner's patch.
            int at = Math.min(from, all - count);
            multiplyPlanes(count, outputs, taps.length, x, xAt + at, taps, w, 0, width, tile, PLANE_TILE);
            for (int p = 0; p < count; p += 16) {
                if (columns == xLine) {
                    int place = yAt + (at + p) * yStride;
                    transpose(outputs, 16, 16, tile, p, PLANE_TILE, y, place, yStride);
                    continue;
                }
                transpose(outputs, 16, 16, tile, p, PLANE_TILE, tile, PLANES_AT, 16);
                for (int i = 0; i < 16; i++) {
                    int line = (at + p + i) / xLine;
                    int column = (at + p + i) % xLine;
                    if (column < columns) {
                        int place = yAt + (line * columns + column) * yStride;
                        System.arraycopy(tile, PLANES_AT + i * 16, y, place, 16);
                    }
                }
            }
            from = at + count;
        }
    }

    @Override
    default void convolutionUpdate(OptimizerStep step, Panels panels, Patches patches, int fromTap, int toTap,
            int images, float scale, float[] x, int xAt, int xImage, float[] dy, int dyAt, int dyStride, float[] w,
            float[][] state, float @Nullable [] sums, float[] tile) {
        int width = panels.width();
        int dyImage = patches.count() * dyStride;
        int threes = threes(width, patches);
        // A unit is a whole line of the kernel; for one channel, three lines.
        int unit = patches.threesApart == 1 ? 9 : 3 * patches.threesApart;
        if (!step.isFrozen() && threes > 0 && fromTap < toTap && fromTap % unit == 0 && toTap % unit == 0) {
            updateInThrees(step, panels, patches, threes, fromTap, toTap, images, scale, x, xAt, xImage, dy, dyAt,
                    dyImage, dyStride, w, state, sums, tile);
            return;
        }
        if (sums != null) {
            columnSums(panels.stride(), images * patches.count(), scale, dy, dyAt, dyStride, sums);
        }
        if (step.isFrozen()) {
            return;
        }
        int tileTaps = tileTaps(width, patches);
        for (int p = 0; p < panels.count(); p++) {
            for (int k = fromTap; k < toTap; k += tileTaps) {
                int end = Math.min(k + tileTaps, toTap);
                for (int image = 0; image < images; image++) {
                    tapGradients(width, patches, k, end, x, xAt + image * xImage, dy,
                            dyAt + image * dyImage + p * width, dyStride, image == 0, tile);
                }
                multiplyTile((end - k) * width, tile, scale);
                int at = (p * panels.inputs() + k) * width;
                update(step, (end - k) * width, tile, 0, w, at, state, at, 0);
            }
        }
    }

    /// The number of groups of three taps in a tile: channels of a line of the kernel, or lines of a channel. 0 if
    /// there are none.
    private int threes(int width, Patches patches) {
        int apart = patches.threesApart;
        if (width != 16 || apart == 0) {
            return 0;
        }
        if (apart % longestThrees() == 0) {
            return longestThrees();
        }
        return apart % THREES_LEAST == 0 || apart == 1 && patches.taps.length % 9 == 0 ? THREES_LEAST : 0;
    }

    /// Computes the same sums, but loads a number of x once for the three patches of a line that contain it.
    private void updateInThrees(OptimizerStep step, Panels panels, Patches patches, int threes, int fromTap, int toTap,
            int images, float scale, float[] x, int xAt, int xImage, float[] dy, int dyAt, int dyImage, int dyStride,
            float[] w, float[][] state, float @Nullable [] sums, float[] tile) {
        int apart = patches.threesApart;
        int group = apart == 1 ? 3 : 1; // taps from one group of three to the next
        int tileGroup = apart == 1 ? 3 * 16 : 16;
        int tileApart = apart == 1 ? 16 : threes * 16;
        for (int p = 0; p < panels.count(); p++) {
            int k = fromTap;
            while (k < toTap) {
                // Sums start from -0, because -0 + x is x even if x is -0.
                Arrays.fill(tile, THREES_SUMS_AT, THREES_SUMS_AT + 16, -0f);
                for (int image = 0; image < images; image++) {
                    multiplyThrees(threes, group, apart, patches.lineLength, x, xAt + image * xImage, patches.taps, k,
                            patches.corners, dy, dyAt + image * dyImage + p * 16, dyStride,
                            image == 0 ? VectorKernels.ZEROS : tile, 0, image == 0 ? 0 : tileGroup,
                            image == 0 ? 0 : tileApart, tile, 0, tileGroup, tileApart, THREES_SUMS_AT);
                }
                if (k == fromTap && sums != null) {
                    for (int o = 0; o < 16; o++) {
                        sums[p * 16 + o] = tile[THREES_SUMS_AT + o] * scale;
                    }
                }
                multiplyTile(3 * threes * 16, tile, scale);
                int at = (p * panels.inputs() + k) * 16;
                if (apart == 1) {
                    update(step, 9 * 16, tile, 0, w, at, state, at, 0);
                    k += 9;
                    continue;
                }
                for (int v = 0; v < 3; v++) {
                    int atV = at + v * apart * 16;
                    update(step, threes * 16, tile, v * tileApart, w, atV, state, atV, 0);
                }
                k += threes;
                if (k % apart == 0) {
                    k += 2 * apart;
                }
            }
        }
    }

    /// The number of taps computed together: whole tiles of 9 for 3 x 3 kernels, or whole runs.
    private int tileTaps(int width, Patches patches) {
        if (width == 64) {
            return VectorDenseKernels.WIDE_TILE_INPUTS;
        }
        int run = patches.tapRuns[0];
        if (run < shortestStrip(width, patches.tapStep)) {
            return NARROW_TILE_TAPS;
        }
        int rows = Kernels.TILE / width;
        return run <= rows ? rows / run * run : rows - rows % longestStrip(patches.tapStep);
    }

    /// Adds the products of one image to the tile, one row per tap; the first image initialises the tile.
    private void tapGradients(int width, Patches patches, int fromTap, int toTap, float[] x, int xAt, float[] dy,
            int dyAt, int dyStride, boolean isFirst, float[] tile) {
        int least = shortestStrip(width, patches.tapStep);
        float[] start = isFirst ? VectorKernels.ZEROS : tile;
        int startRow = isFirst ? 0 : width;
        int from = fromTap;
        while (from < toTap) {
            int to = from + Math.min(patches.tapRuns[from], toTap - from);
            int at = (from - fromTap) * width;
            if (to - from >= least) {
                multiplyStrips(to - from, patches.count(), false, x, xAt + patches.taps[from], patches.tapStep,
                        patches.corners, dy, dyAt, dyStride, start, isFirst ? 0 : at, startRow, tile, at, width);
            } else {
                while (to < toTap && patches.tapRuns[to] < least) {
                    to = Math.min(toTap, to + patches.tapRuns[to]);
                }
                multiplyPatches(width, from, to, patches.count(), x, xAt, patches.taps, patches.corners, dy, dyAt,
                        dyStride, start, 0, startRow, tile, 0, width == 64 ? WIDE_TILE_ROWS : NARROW_TILE_ROWS,
                        from - fromTap);
            }
            from = to;
        }
    }

    /// Multiplies evenly spaced rows, at least `shortestStrip` of them, in strips of about the same size.
    private void multiplyStrips(int rows, int depth, boolean inThrees, float[] a, int aAt, int aRow, int[] aSteps,
            float[] b, int bAt, int bStep, float[] start, int startAt, int startRow, float[] y, int yAt, int yRow) {
        int strips = Math.ceilDiv(rows, longestStrip(aRow));
        int from = 0;
        for (int strip = 1; strip <= strips; strip++) {
            int to = rows * strip / strips;
            multiplyStrip(to - from, depth, inThrees, a, aAt + from * aRow, aRow, aSteps, b, bAt, bStep, start,
                    startAt + from * startRow, startRow, y, yAt + from * yRow, yRow);
            from = to;
        }
    }

    /// The fewest rows that strips support; if there are no strips, a number larger than any number of rows.
    private int shortestStrip(int width, int aRow) {
        int longest = width == 16 ? longestStrip(aRow) : 0;
        return longest == 0 ? Integer.MAX_VALUE : longest / 2;
    }

    /// Like `multiply`, but the addresses of a come from tables: y[r][c] = start[r][c] + Σ_k a[r][k] b[k][c], k
    /// ascending, for rows `fromRow` (inclusive) to `toRow` (exclusive). a[r][k] is `a[aAt + aRows[r] + aSteps[k]]`,
    /// b[k][c] is `b[bAt + k bStep + c]`; with i = firstPlace + r - fromRow, start[r] begins at `start[startAt + i
    /// startRow]` and y[r] at `y[yAt + yRows[i]]`: both may be the same.
    void multiplyPatches(int width, int fromRow, int toRow, int depth, float[] a, int aAt, int[] aRows, int[] aSteps,
            float[] b, int bAt, int bStep, float[] start, int startAt, int startRow, float[] y, int yAt, int[] yRows,
            int firstPlace);

    /// tile[o][c] = Σ_k a[k][c] b[k][o], k ascending, for `columns` columns, 16, 32 or 48, and at least the first
    /// `outputs` outputs, because panels are padded. a[k][c] is `a[aAt + aSteps[k] + c]`, b[k][o] is `b[bAt + k bStep +
    /// o]`.
    void multiplyPlanes(int columns, int outputs, int depth, float[] a, int aAt, int[] aSteps, float[] b, int bAt,
            int bStep, float[] tile, int tileRow);

    /// Rows of the largest strip; all sizes down to half of it exist too. 0 if there are no strips for rows this far
    /// apart.
    int longestStrip(int aRow);

    /// Whether there are enough registers for the nine weights of a 3 x 3 kernel and a strip, so that `multiplyLines`
    /// exists.
    boolean holdsKernel();

    /// Multiplies whole lines of patches of 3 x 3 numbers, `columns` per line, in one or more strips of `length` per
    /// line: y[p] = start + Σ_k a[corners[p] + taps[k]] b[k], for panels of 16, places `yStep` apart.
    void multiplyLines(int length, int columns, int from, int to, float[] a, int aAt, int[] corners, int[] taps,
            float[] b, int bAt, float[] start, int startAt, float[] y, int yAt, int[] places, int yStep);

    /// Patches of the longest piece of a line; all sizes down to half of it exist too. 0 if there are no pieces.
    int longestPiece();

    /// Multiplies `length` contiguous patches of each of `lines` (at least two) lines, for panels of 16 and kernels of
    /// height 3: y[i, j] = start + Σ_k a[aAt + i aLine + 16 j + taps[k]] b[k], k ascending, at `y[yAt + i yLine + j
    /// yStep]`; the taps are three thirds, each one line further. A number of a is loaded once for the three lines of y
    /// that use it, because a load costs more than an FMA: line i uses it in its last third, i + 1 in its second and i
    /// + 2 in its first.
    void multiplyPiece(int length, int lines, int third, float[] a, int aAt, int aLine, int[] taps, float[] b, int bAt,
            float[] start, int startAt, float[] y, int yAt, int yLine, int yStep);

    /// The most groups of three taps that a tile supports; all numbers from `THREES_LEAST` on are supported.
    int longestThrees();

    /// Computes the gradients of `3 · count` taps from the patches of an image, in lines of `columns`: the taps that
    /// begin a line of the kernel, `tap`, `tap + step`, …, and their two neighbours, `apart` and `2 apart` taps
    /// further. y[g][v] += Σ_p a[corners[p] + taps[tap + g step + v apart]] b[p], p ascending, begun with start;
    /// y[g][v] is at `y[yAt + g yStep + v yApart]`, 16 of each. The sums of b itself are added to `y[sumAt]`; in a
    /// separate pass, each addition would wait for the one before.
    void multiplyThrees(int count, int step, int apart, int columns, float[] a, int aAt, int[] taps, int tap,
            int[] corners, float[] b, int bAt, int bStep, float[] start, int startAt, int startStep, int startApart,
            float[] y, int yAt, int yStep, int yApart, int sumAt);

    /// Like `multiplyPatches`, for panels of 16 and evenly spaced rows: a[r][k] is `a[aAt + r aRow + aSteps[k]]`, and
    /// y[r] begins at `y[yAt + r yRow]`. The distance is a constant in the code, so rows need no look-up and one bounds
    /// check covers all of them. If `inThrees` (see `Patches`), a number of a is used for three rows.
    void multiplyStrip(int rows, int depth, boolean inThrees, float[] a, int aAt, int aRow, int[] aSteps, float[] b,
            int bAt, int bStep, float[] start, int startAt, int startRow, float[] y, int yAt, int yRow);

    /// Multiplies the first `length` floats of the tile, a multiple of 16, by `scale`.
    void multiplyTile(int length, float[] tile, float scale);
}
