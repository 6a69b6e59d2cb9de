package io.tidegrad.engine.layer;

/// A window that slides over an image, for convolutions and poolings. Its corner starts at `-padding` and moves in
/// steps of `stride` while the whole window lies in the padded image.
record Sliding(Extent kernel, Extent stride, Extent padding) {
    Sliding {
        requirePositive("a kernel", kernel);
        requirePositive("a stride", stride);
    }

    private static void requirePositive(String what, Extent extent) {
        if (extent.area() == 0) {
            throw new IllegalArgumentException("expected " + what + " of at least 1 x 1, found " + extent);
        }
    }

    /// Height and width of a grid (channels, height, width).
    static Extent image(Planner planner, Layer layer, Shape.Grid grid) {
        if (grid.axes().size() != 3) {
            throw planner.mismatch(layer, "three axes (channels, height, width)", grid.toString());
        }
        return new Extent(grid.axes().get(1), grid.axes().get(2));
    }

    /// The number of window positions along each axis.
    Extent over(Planner planner, Layer layer, Extent image) {
        long height = places(image.height(), kernel.height(), stride.height(), padding.height());
        long width = places(image.width(), kernel.width(), stride.width(), padding.width());
        if (height < 1 || width < 1) {
            throw planner.mismatch(layer, "an image that the kernel of " + kernel + " fits into, padded by " + padding,
                    image.toString());
        }
        return new Extent(Math.toIntExact(height), Math.toIntExact(width));
    }

    private static long places(int image, int kernel, int stride, int padding) {
        return Math.floorDiv(image + 2L * padding - kernel, stride) + 1;
    }
}
