package io.tidegrad.engine.layer;

/// A matrix (rows, width), or (rows · lines, width), inside a `float[]`: element (row, column) is `values[at + row *
/// stride + column]`. Fields are accessible because kernels take them as separate arguments; `values` and `stride` are
/// not final because `Numbers` points them at the batch.
public final class Block {
    public float[] values;
    public int at;
    public int stride;

    public Block(float[] values, int at, int stride) {
        this.values = values;
        this.at = at;
        this.stride = stride;
    }

    /// Index of the row's first element.
    public int row(int row) {
        return at + row * stride;
    }

    /// The sum of the magnitudes of a row's first `width` elements, in four partial sums: element i is added to sum i mod 4,
    /// the rest to the first.
    double magnitude(int row, int width) {
        int from = row(row);
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int whole = width & -4;
        for (int i = from; i < from + whole; i += 4) {
            s0 += Math.abs(values[i]);
            s1 += Math.abs(values[i + 1]);
            s2 += Math.abs(values[i + 2]);
            s3 += Math.abs(values[i + 3]);
        }
        for (int i = from + whole; i < from + width; i++) {
            s0 += Math.abs(values[i]);
        }
        return s0 + s1 + s2 + s3;
    }

    /// The same matrix from `column` on.
    Block from(int column) {
        return new Block(values, at + column, stride);
    }

    /// Whether both blocks start at index 0 with the same stride, so that elementwise work is one loop over all rows,
    /// padding included.
    boolean liesAs(Block other) {
        return at == 0 && other.at == 0 && stride == other.stride;
    }
}
