package io.tidegrad.engine.kernel;

/// Where the numbers lie that a convolution multiplies, in an image of x, and where its products go, in an image of y:
/// number `k` of patch `p` is `x[xAt + corners[p] + taps[k]]`, what comes of the patch starts at `y[yAt + places[p]]`.
/// Looked up, not computed: a tile then runs over the end of a line of pixels as if there were none, and images of any
/// size fill it.
public record Patches(int[] corners, int[] taps, int[] places) {
    public Patches {
        if (corners.length != places.length) {
            throw new IllegalArgumentException(
                    "expected a place for each of "
                            + corners.length
                            + " patches, found "
                            + places.length);
        }
    }

    /// Patches of an image.
    public int count() {
        return corners.length;
    }
}
