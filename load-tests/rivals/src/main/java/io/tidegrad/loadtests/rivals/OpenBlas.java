package io.tidegrad.loadtests.rivals;

import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.bench.Workload.Loop;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas;

/// The same matrix products by OpenBLAS, all matrices off the heap, row-major.
final class OpenBlas {
    private final Runnable product;
    private final FloatPointer result;

    OpenBlas(Loop loop, int rows) {
        Loop.Shape shape = loop.shapes().getFirst();
        int inputs = shape.inputs();
        int outputs = shape.outputs();
        FloatPointer x = filled(rows * inputs);
        FloatPointer w = filled(inputs * outputs);
        FloatPointer y = filled(rows * outputs);
        openblas.blas_set_num_threads(1);
        result = switch (loop.kernel()) {
            case FORWARD -> y;
            case WEIGHT_GRADIENT -> w;
            case INPUT_GRADIENT -> x;
            case ADAM -> throw new LoadTestException("OpenBLAS has no Adam");
        };
        product = switch (loop.kernel()) {
            case FORWARD -> () -> multiply(false, false, rows, outputs, inputs, x, w, y);
            case WEIGHT_GRADIENT -> () -> multiply(true, false, inputs, outputs, rows, x, y, w);
            case INPUT_GRADIENT -> () -> multiply(false, true, rows, inputs, outputs, y, w, x);
            case ADAM -> throw new LoadTestException("OpenBLAS has no Adam");
        };
    }

    void run(int steps) {
        for (int step = 0; step < steps; step++) {
            product.run();
        }
    }

    /// Of one product.
    float[] result() {
        product.run();
        float[] values = new float[(int) result.limit()];
        result.get(values);
        return values;
    }

    /// c (m, n) = a (m, k) b (k, n), a or b stored transposed.
    private static void multiply(boolean transposeA, boolean transposeB, int m, int n, int k, FloatPointer a,
            FloatPointer b, FloatPointer c) {
        openblas.cblas_sgemm(openblas.CblasRowMajor, transposeA ? openblas.CblasTrans : openblas.CblasNoTrans,
                transposeB ? openblas.CblasTrans : openblas.CblasNoTrans, m, n, k, 1f, a, transposeA ? m : k, b,
                transposeB ? k : n, 0f, c, n);
    }

    private static FloatPointer filled(int length) {
        FloatPointer values = new FloatPointer(length);
        for (int i = 0; i < length; i++) {
            values.put(i, value(i));
        }
        return values;
    }

    /// What a matrix holds at index `i` before the first product.
    static float value(int i) {
        return (1 + i % 7) * 0.01f;
    }
}
