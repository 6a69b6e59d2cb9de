package io.tidegrad.loadtests.rivals;

import io.tidegrad.loadtests.bench.Workload.Loop;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/// Adam in plain C, `loops.c`, compiled by this machine's gcc for this processor.
final class CLoops {
    private static final List<String> GCC =
            List.of(
                    "gcc",
                    "-O3",
                    "-march=native",
                    "-mprefer-vector-width=512",
                    "-fno-math-errno", // else a square root is a call
                    "-fno-trapping-math",
                    "-shared",
                    "-fPIC");

    private final MethodHandle adam;
    private final List<Matrix> matrices;

    /// Of one layer: the optimizer's arrays, the row and the gradient of the outputs.
    private record Matrix(
            int inputs,
            int outputs,
            MemorySegment x,
            MemorySegment dy,
            MemorySegment w,
            MemorySegment m,
            MemorySegment v) {}

    @SuppressWarnings("restricted") // calling native code is what it is for
    CLoops(Loop loop) {
        if (loop.kernel() != Loop.Kernel.ADAM) {
            throw new RivalException("there is no C loop for " + loop.name());
        }
        MemorySegment function =
                SymbolLookup.libraryLookup(compile(), Arena.global()).find("adam").orElseThrow();
        adam =
                Linker.nativeLinker()
                        .downcallHandle(
                                function,
                                FunctionDescriptor.ofVoid(
                                        ValueLayout.JAVA_INT,
                                        ValueLayout.JAVA_INT,
                                        ValueLayout.ADDRESS,
                                        ValueLayout.ADDRESS,
                                        ValueLayout.ADDRESS,
                                        ValueLayout.ADDRESS,
                                        ValueLayout.ADDRESS));
        matrices = loop.shapes().stream().map(CLoops::matrix).toList();
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
            throw new RivalException("the C loop failed", e);
        }
    }

    private static Matrix matrix(Loop.Shape shape) {
        int length = shape.inputs() * shape.outputs();
        return new Matrix(
                shape.inputs(),
                shape.outputs(),
                filled(shape.inputs()),
                filled(shape.outputs()),
                filled(length),
                filled(length),
                filled(length));
    }

    private static MemorySegment filled(int length) {
        int cacheLine = 64;
        MemorySegment values = Arena.global().allocate((long) Float.BYTES * length, cacheLine);
        for (int i = 0; i < length; i++) {
            values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (1 + i % 7) * 0.01f);
        }
        return values;
    }

    /// The library, in a temporary folder that ends with this JVM.
    private static Path compile() {
        try (InputStream source =
                Objects.requireNonNull(CLoops.class.getResourceAsStream("loops.c"))) {
            Path folder = Files.createTempDirectory("tidegrad-rivals");
            Path code = folder.resolve("loops.c");
            Path library = folder.resolve("loops.so");
            List.of(folder, library, code).forEach(path -> path.toFile().deleteOnExit());
            Files.copy(source, code);
            List<String> command = new ArrayList<>(GCC);
            command.addAll(List.of("-o", library.toString(), code.toString(), "-lm"));
            Process gcc = new ProcessBuilder(command).redirectErrorStream(true).start();
            String output;
            try (var reader = gcc.inputReader()) {
                output = reader.readAllAsString();
            }
            if (gcc.waitFor() != 0) {
                throw new RivalException("gcc failed: " + output.strip());
            }
            return library;
        } catch (IOException e) {
            throw new RivalException("no C loops without gcc: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RivalException("interrupted while gcc compiled", e);
        }
    }
}
