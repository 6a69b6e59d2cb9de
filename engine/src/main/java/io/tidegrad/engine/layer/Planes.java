package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;

/// Images with borders of zeros like `Bordered`, but with each channel in its own plane, so that pixels are contiguous.
/// The zeros after a line also serve as those before the next, so `outer` has only the wider of the two borders.
///
/// @param values (rows, width, length)
/// @param length floats of a plane
/// @param corner index in a plane at which the image begins
record Planes(Block inner, int width, Extent image, float[] values, Extent outer, int length, int corner) {

    private static final int LANES = 16;

    /// @param before zeros above and to the left
    /// @param after zeros below and to the right
    static Planes around(Workspace workspace, Block inner, int width, Extent image, Extent before, Extent after) {
        Extent outer = new Extent(before.height() + image.height() + after.height(),
                image.width() + Math.max(before.width(), after.width()));
        int length = before.width() + outer.area();
        int floats = Math.multiplyExact(length, width);
        float[] values = workspace.floats(Math.multiplyExact(workspace.maxRows(), floats));
        int corner = before.width() + before.height() * outer.width();
        return new Planes(inner, width, image, values, outer, length, corner);
    }

    /// Index at which a row's first plane begins.
    int row(int row) {
        return row * width * length;
    }

    /// Copies a row's image into its planes. Call it before reading them.
    void copy(Kernels kernels, int row) {
        // Copies whole vectors if those of the last line still end inside the plane: their zeros overwrite the border
        // and lines that are written later.
        int vectors = Math.ceilDiv(image.width(), LANES) * LANES;
        int lastLine = corner + (image.height() - 1) * outer.width();
        int padded = lastLine + vectors <= length ? vectors : image.width();
        for (int i = 0; i < image.height(); i++) {
            kernels.transpose(image.width(), padded, width, inner.values,
                    inner.row((row * image.height() + i) * image.width()), inner.stride, values,
                    row(row) + corner + i * outer.width(), length);
        }
    }
}
