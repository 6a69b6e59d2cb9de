package io.tidegrad.loadtests.rivals;

import io.tidegrad.loadtests.Processes;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/// `loops.c`, compiled by this machine's gcc for this processor.
final class CLibrary {
    private static final List<String> GCC =
            List.of("gcc", "-O3", "-march=native", "-mprefer-vector-width=512", "-fno-math-errno", // else a square root is a call
                    "-fno-trapping-math", "-shared", "-fPIC");

    private CLibrary() {}

    /// A function that returns nothing.
    @SuppressWarnings("restricted") // calling native code is what it is for
    static MethodHandle function(String name, MemoryLayout... arguments) {
        return Linker.nativeLinker().downcallHandle(
                SymbolLookup.libraryLookup(compile(), Arena.global()).find(name).orElseThrow(),
                FunctionDescriptor.ofVoid(arguments));
    }

    /// The library, in a temporary folder that ends with this JVM.
    private static Path compile() {
        try (InputStream source = Objects.requireNonNull(CLibrary.class.getResourceAsStream("loops.c"))) {
            Path folder = Files.createTempDirectory("tidegrad-rivals");
            Path code = folder.resolve("loops.c");
            Path library = folder.resolve("loops.so");
            List.of(folder, library, code).forEach(path -> path.toFile().deleteOnExit());
            Files.copy(source, code);
            Processes.output(Processes.with(GCC, List.of("-o", library.toString(), code.toString(), "-lm")));
            return library;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
