package io.tidegrad.engine.layer;

/// Images with borders of zeros, so that loops can read beyond an edge without checks. Images without borders are read
/// in place.
///
/// @param images (rows · outer.area(), width)
record Bordered(Block inner, int width, Extent image, Block images, Extent outer, int corner) {

    /// @param before zeros above and to the left
    /// @param after zeros below and to the right
    static Bordered around(Workspace workspace, Block inner, int width, Extent image, Extent before, Extent after) {
        Extent outer = new Extent(before.height() + image.height() + after.height(),
                before.width() + image.width() + after.width());
        if (outer.equals(image)) {
            return new Bordered(inner, width, image, inner, image, 0);
        }
        int floats = Math.multiplyExact(outer.area(), inner.stride);
        Block images = new Block(workspace.floats(Math.multiplyExact(workspace.maxRows(), floats)), 0, inner.stride);
        int corner = before.height() * outer.width() + before.width();
        return new Bordered(inner, width, image, images, outer, corner);
    }

    /// Floats from one image to the next.
    int length() {
        return outer.area() * images.stride;
    }

    /// Copies the images into their borders. Call it before reading `images`.
    void copy(int rows) {
        if (images == inner) {
            return;
        }
        int length = (image.width() - 1) * inner.stride + width;
        for (int row = 0; row < rows; row++) {
            for (int y = 0; y < image.height(); y++) {
                System.arraycopy(inner.values, inner.row((row * image.height() + y) * image.width()), images.values,
                        images.row(row * outer.area() + corner + y * outer.width()), length);
            }
        }
    }
}
