package io.tidegrad.engine.kernel;

import java.util.stream.IntStream;

/// Address tables of a convolution: number `k` of patch `p` is `x[xAt + corners[p] + taps[k]]`, and the patch's
/// products start at `y[yAt + places[p]]`. Addresses are looked up instead of computed, so that a tile can span several
/// lines of pixels and images of any size fill tiles. If patches or taps are evenly spaced, tiles need no look-up:
/// `patchRuns`, `tapRuns`.
public final class Patches {
    /// A multiple of all tiles' rows.
    private static final int GRAIN = 36;

    private static final int TAPS = 18;

    private static final int LINES = 8;

    final int[] corners;
    final int[] taps;
    final int[] places;
    /// Distance of evenly spaced corners, places and taps.
    final int cornerStep;
    final int placeStep;
    final int tapStep;
    /// Patch → the number of evenly spaced patches, starting with this one: at least 1.
    final int[] patchRuns;
    /// Tap → the number of taps, starting with this one, that are `tapStep` apart: at least 1.
    final int[] tapRuns;
    /// Whether patches are contiguous, and so are the taps in groups of three: kernels of width 3 over images of one
    /// channel.
    final boolean inThrees;
    /// Patches per line of the image, if all lines have the same length and are evenly spaced; else 0.
    final int lineLength;
    /// For kernels of width 3 and stride 1, the number of taps from one pixel of a kernel's line to the next: tap `k`
    /// of a patch is tap `k + threesApart` of the patch before it. 0 for other kernels.
    final int threesApart;
    /// Whether kernels have height 3 and stride 1, and all lines are evenly spaced, `cornerLine` and `placeLine` apart:
    /// tap `k` of a patch is tap `k + taps / 3` of the one above it.
    final boolean inThreeLines;

    /// @param corners patch → its start in x
    /// @param taps number of a patch → offset from the corner
    /// @param places patch → start of its products in y
    public Patches(int[] corners, int[] taps, int[] places) {
        if (corners.length != places.length) {
            throw new IllegalArgumentException(
                    "expected a place for each of " + corners.length + " patches, found " + places.length);
        }
        this.corners = corners;
        this.taps = taps;
        this.places = places;
        cornerStep = step(corners);
        placeStep = step(places);
        tapStep = step(taps);
        patchRuns = runs(corners.length, corners, cornerStep, places, placeStep);
        tapRuns = runs(taps.length, taps, tapStep, taps, tapStep);
        inThrees = cornerStep == 1 && tapStep == 1 && taps.length % 3 == 0
                && IntStream.range(0, taps.length).allMatch(k -> tapRuns[k] == 3 - k % 3);
        lineLength = commonRun();
        threesApart = tapsBetweenNeighbours();
        inThreeLines = areThreeLines();
    }

    private int commonRun() {
        if (patchRuns.length == 0 || patchRuns.length % patchRuns[0] != 0) {
            return 0;
        }
        int line = patchRuns[0];
        return IntStream.range(0, patchRuns.length).allMatch(p -> patchRuns[p] == line - p % line) ? line : 0;
    }

    private boolean areThreeLines() {
        int lines = lineLength < 1 ? 0 : corners.length / lineLength;
        int third = taps.length / 3;
        return lines > 1 && taps.length % 3 == 0
                && IntStream.range(0, lines - 1).map(l -> l * lineLength)
                        .allMatch(p -> corners[p + lineLength] - corners[p] == cornerLine()
                                && places[p + lineLength] - places[p] == placeLine())
                && IntStream.range(0, 2 * third).allMatch(k -> taps[k + third] - taps[k] == cornerLine());
    }

    private int tapsBetweenNeighbours() {
        int apart = IntStream.range(1, taps.length).filter(k -> taps[k] - taps[0] == cornerStep).findFirst().orElse(0);
        boolean isRegular =
                apart > 0 && lineLength > 1 && taps.length % (3 * apart) == 0 && IntStream.range(0, taps.length)
                        .filter(k -> k / apart % 3 < 2).allMatch(k -> taps[k + apart] - taps[k] == cornerStep);
        return isRegular ? apart : 0;
    }

    private static int step(int[] table) {
        return table.length < 2 ? 0 : table[1] - table[0];
    }

    /// Entry → length of the evenly spaced run that starts with it, in both tables, including itself.
    private static int[] runs(int length, int[] a, int aStep, int[] b, int bStep) {
        int[] runs = new int[length];
        for (int i = length - 1; i >= 0; i--) {
            boolean goesOn = i + 1 < length && a[i + 1] - a[i] == aStep && b[i + 1] - b[i] == bStep;
            runs[i] = goesOn ? runs[i + 1] + 1 : 1;
        }
        return runs;
    }

    /// The number of patches of an image.
    public int count() {
        return corners.length;
    }

    /// Patches that are computed together. Ranges of patches should be multiples of it.
    public int patchGrain() {
        if (lineLength < 2) {
            return GRAIN;
        }
        // When computed in pieces, the first and last two lines of a range cost more.
        return inThreeLines ? LINES * lineLength : Math.ceilDiv(GRAIN, lineLength) * lineLength;
    }

    /// Taps whose gradients are computed together. Ranges of taps should be multiples of it.
    public int tapGrain() {
        int threes = Math.max(1, 3 * threesApart);
        return Math.ceilDiv(TAPS, threes) * threes;
    }

    /// Whether the patches are 3 x 3 numbers of one channel with contiguous pixels, in lines of `lineLength`.
    boolean isThreeByThree() {
        return inThrees && threesApart == 1 && taps.length == 9;
    }

    int cornerLine() {
        return corners[lineLength] - corners[0];
    }

    int placeLine() {
        return places[lineLength] - places[0];
    }
}
