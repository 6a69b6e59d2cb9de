package io.tidegrad.loadtests.rivals;

import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.bench.Workload.Loop;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;

/// Adam in plain C, over a layer's weights.
final class AdamLoop {
    private final MethodHandle adam;
    private final List<Matrix> matrices;

    /// Of one layer: the optimizer's arrays, the row and the gradient of the outputs.
    private record Matrix(int inputs, int outputs, MemorySegment x, MemorySegment dy, MemorySegment w, MemorySegment m,
            MemorySegment v) {
    }

    AdamLoop(Loop loop) {
        if (loop.kernel() != Loop.Kernel.ADAM) {
            throw new LoadTestException("there is no C loop for " + loop.name());
        }
        adam = CLibrary.function("adam", ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS,
                ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.ADDRESS);
        matrices = loop.shapes().stream().map(AdamLoop::matrix).toList();
    }

    void run(int steps) {
        try {
            for (int step = 0; step < steps; step++) {
                for (int i = 0; i < matrices.size(); i++) {
                    Matrix a = matrices.get(i);
                    adam.invokeExact(a.inputs, a.outputs, a.x, a.dy, a.w, a.m, a.v);
                }
            }
        } catch (Throwable e) {
            throw new LoadTestException("the C loop failed", e);
        }
    }

    private static Matrix matrix(Loop.Shape shape) {
        int length = shape.inputs() * shape.outputs();
        return new Matrix(shape.inputs(), shape.outputs(), filled(shape.inputs()), filled(shape.outputs()),
                filled(length), filled(length), filled(length));
    }

    private static MemorySegment filled(int length) {
        int cacheLine = 64;
        MemorySegment values = Arena.global().allocate((long) Float.BYTES * length, cacheLine);
        for (int i = 0; i < length; i++) {
            values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (1 + i % 7) * 0.01f);
        }
        return values;
    }
}
