package io.tidegrad.engine.kernel;

import java.util.stream.IntStream;

/// Where the numbers lie that a convolution multiplies, in an image of x, and where its products go, in an image of y:
/// number `k` of patch `p` is `x[xAt + corners[p] + taps[k]]`, what comes of the patch starts at `y[yAt + places[p]]`.
/// Looked up, not computed: a tile then runs over the end of a line of pixels as if there were none, and images of any
/// size fill it. Where patches, or taps, lie evenly, tiles need no looking up: `patchRun`, `tapRun`.
public final class Patches {
    /// Multiples of the tiles' rows.
    private static final int GRAIN = 36;

    private static final int TAPS = 18;

    private static final int LINES = 8;

    private final int[] corners;
    private final int[] taps;
    private final int[] places;
    private final int cornerStep;
    private final int placeStep;
    private final int tapStep;
    private final int[] patchRuns;
    private final int[] tapRuns;
    private final boolean inThrees;
    private final int lineLength;
    private final int threesApart;
    private final boolean inThreeLines;

    /// @param corners patch → where it begins in x
    /// @param taps number of a patch → where it lies from the corner on
    /// @param places patch → where its products begin in y
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

    /// As `lineLength()`: 0 if lines differ.
    private int commonRun() {
        if (patchRuns.length == 0 || patchRuns.length % patchRuns[0] != 0) {
            return 0;
        }
        int line = patchRuns[0];
        return IntStream.range(0, patchRuns.length).allMatch(p -> patchRuns[p] == line - p % line) ? line : 0;
    }

    /// As `inThreeLines()`.
    private boolean areThreeLines() {
        int lines = lineLength < 1 ? 0 : corners.length / lineLength;
        int third = taps.length / 3;
        return lines > 1 && taps.length % 3 == 0
                && IntStream.range(0, lines - 1).map(l -> l * lineLength)
                        .allMatch(p -> corners[p + lineLength] - corners[p] == cornerLine()
                                && places[p + lineLength] - places[p] == placeLine())
                && IntStream.range(0, 2 * third).allMatch(k -> taps[k + third] - taps[k] == cornerLine());
    }

    /// As `threesApart()`.
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

    /// Entry → how many from it on have the first two's distance in both tables, itself included.
    private static int[] runs(int length, int[] a, int aStep, int[] b, int bStep) {
        int[] runs = new int[length];
        for (int i = length - 1; i >= 0; i--) {
            boolean goesOn = i + 1 < length && a[i + 1] - a[i] == aStep && b[i + 1] - b[i] == bStep;
            runs[i] = goesOn ? runs[i + 1] + 1 : 1;
        }
        return runs;
    }

    public int[] corners() {
        return corners;
    }

    public int[] taps() {
        return taps;
    }

    public int[] places() {
        return places;
    }

    /// Patches of an image.
    public int count() {
        return corners.length;
    }

    /// Patches that are computed together: ranges of them are best multiples of it.
    public int patchGrain() {
        if (lineLength < 2) {
            return GRAIN;
        }
        // In pieces the first and last two lines of a range cost more.
        return inThreeLines ? LINES * lineLength : Math.ceilDiv(GRAIN, lineLength) * lineLength;
    }

    /// Taps whose gradients are computed together: ranges of them are best multiples of it.
    public int tapGrain() {
        int threes = Math.max(1, 3 * threesApart);
        return Math.ceilDiv(TAPS, threes) * threes;
    }

    /// How many patches from this one on lie evenly: corners `cornerStep` apart, places `placeStep`. At least 1.
    int patchRun(int patch) {
        return patchRuns[patch];
    }

    int cornerStep() {
        return cornerStep;
    }

    int placeStep() {
        return placeStep;
    }

    /// Whether the patches are 3 x 3 numbers of one channel whose pixels lie side by side, in lines of `lineLength`.
    boolean isThreeByThree() {
        return inThrees && threesApart == 1 && taps.length == 9;
    }

    /// How many taps from this one on lie `tapStep` apart. At least 1.
    int tapRun(int tap) {
        return tapRuns[tap];
    }

    int tapStep() {
        return tapStep;
    }

    /// Whether patches lie side by side, and taps in threes side by side: kernels three wide over images of one
    /// channel.
    boolean inThrees() {
        return inThrees;
    }

    /// Patches of a line of the image, if all lines are as long and each lies evenly; else 0.
    int lineLength() {
        return lineLength;
    }

    /// Where kernels are three wide and move by one pixel, taps from one pixel of a kernel's line to the next: tap `k`
    /// of a patch is tap `k + threesApart` of the patch before it. 0 where it is not so.
    int threesApart() {
        return threesApart;
    }

    /// Whether kernels are three high and move by one line, and all lines lie evenly, `cornerLine` and `placeLine`
    /// apart: tap `k` of a patch is tap `k + taps / 3` of the one above it.
    boolean inThreeLines() {
        return inThreeLines;
    }

    int cornerLine() {
        return corners[lineLength] - corners[0];
    }

    int placeLine() {
        return places[lineLength] - places[0];
    }
}
