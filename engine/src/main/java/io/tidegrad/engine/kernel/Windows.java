package io.tidegrad.engine.kernel;

/// Which lines of an image each output of a pooling reads: those of window `w` start at `x[xAt + places[i]]`, for i from
/// `starts[w]` to `starts[w + 1]`, the last not included. No window is empty.
///
/// @param overlap whether a line may lie in several windows
public record Windows(int[] starts, int[] places, boolean overlap) {
    /// Windows of an image.
    public int count() {
        return starts.length - 1;
    }
}
