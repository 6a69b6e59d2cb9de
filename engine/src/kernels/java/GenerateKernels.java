import java.nio.file.*;

/// Writes the vector kernels from templates. Run by the build: `java GenerateKernels.java <output folder>`.
class GenerateKernels {
    public static void main(String[] args) throws Exception {
        Files.createDirectories(Path.of(args[0]));
    }
}
