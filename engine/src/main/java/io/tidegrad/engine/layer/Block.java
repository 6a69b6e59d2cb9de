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
