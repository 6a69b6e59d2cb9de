package io.tidegrad.engine.layer;

/// Height and width of an image, kernel, stride or padding.
public record Extent(int height, int width) {
    public Extent {
        if (height < 0 || width < 0) {
            throw new IllegalArgumentException(
                    "expected numbers of at least 0 along both axes, found " + height + " x " + width);
        }
    }

    /// An extent with the same height and width.
    public static Extent of(int side) {
        return new Extent(side, side);
    }

    int area() {
        return Math.multiplyExact(height, width);
    }

    @Override
    public String toString() {
        return height + " x " + width;
    }
}
