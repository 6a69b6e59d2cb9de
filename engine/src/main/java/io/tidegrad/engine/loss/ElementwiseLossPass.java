package io.tidegrad.engine.loss;

/// @param labels labels of one line: `width`, or 1 for all its columns
record ElementwiseLossPass(ElementwiseLoss loss, int lines, int width, int labels) implements LossPass {
    @Override
    public int elements() {
        return lines * width;
    }

    @Override
    public void losses(int rows, float[] y, int at, int stride, float[] labelsOfRows, RowLosses to) {
        for (int row = 0; row < rows; row++) {
            double sum = 0;
            for (int line = row * lines; line < (row + 1) * lines; line++) {
                for (int column = 0; column < width; column++) {
                    float z = y[at + line * stride + column];
                    sum += loss.loss(z, label(labelsOfRows, line, column), column);
                }
            }
            to.set(row, sum / elements(), 1, 1);
        }
    }

    /// dz = w / elements · dl/dz
    @Override
    public void gradient(int rows, float[] predictions, float[] labelsOfRows, float[] sampleWeights, float[] dy,
            int dyAt, int dyStride) {
        for (int row = 0; row < rows; row++) {
            float factor = sampleWeights[row] / elements();
            for (int line = row * lines; line < (row + 1) * lines; line++) {
                for (int column = 0; column < width; column++) {
                    float p = predictions[line * width + column];
                    float slope = loss.slope(p, label(labelsOfRows, line, column), column);
                    dy[dyAt + line * dyStride + column] = factor * slope;
                }
            }
        }
    }

    private float label(float[] labelsOfRows, int line, int column) {
        return labelsOfRows[labels == width ? line * width + column : line];
    }
}
