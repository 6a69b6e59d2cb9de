package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;

/// Images within borders of zeros as `Bordered` has them, but each channel in a plane of its own, so that pixels lie
/// side by side. The zeros after a line are also those before the next: `outer` has only the wider of the two borders.
///
/// @param values (rows, width, length)
/// @param length of a plane
/// @param corner where the image begins in its plane
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

    /// Where a row's first plane begins.
    int row(int row) {
        return row * width * length;
    }

    /// To be called before a row's planes are read.
    void copy(Kernels kernels, int row) {
        // Whole vectors, if the last line's end in the plane: their zeros fall on the border and on
        // lines that come after.
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
