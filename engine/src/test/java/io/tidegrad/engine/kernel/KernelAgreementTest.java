package io.tidegrad.engine.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Each width in a JVM of its own: code that has seen two may stay slow for ever, and each must be right from cold.
class KernelAgreementTest {
    private static final String KERNEL_NAMES = "io.tidegrad.engine.kernel.KernelNames";

    /// Printed by every failure. Rerun: mvn -pl engine test -Dtest=KernelAgreementTest -Dseed=…
    private final long seed = Long.getLong("seed", 20_261_124L);

    @Test
    void everyWidthGivesTheBitsOfTheDefinitionColdAndHotAndAllocatesNothing() throws Exception {
        Set<String> hashes = new LinkedHashSet<>();
        for (String kernels : widths()) {
            Child child = run("io.tidegrad.engine.kernel.KernelChecks", kernels, List.of());
            assertThat(child.status()).as(child.output()).isZero();
            String[] nameAndHash = child.lastLine().split(", ");
            assertThat(nameAndHash[0])
                    .isEqualTo(kernels.equals("scalar") ? kernels : "simd-" + kernels);
            hashes.add(nameAndHash[1]);
        }
        assertThat(hashes).as("hashes over all outputs of %s, seed %d", widths(), seed).hasSize(1);
    }

    /// A kernel without a case would be compared with nothing.
    @Test
    void everyKernelHasACase() {
        Set<String> called =
                new ClassFileImporter()
                        .importClasses(KernelCase.class, ImageCase.class).stream()
                                .flatMap(cases -> cases.getMethodCallsFromSelf().stream())
                                .filter(call -> call.getTargetOwner().isEquivalentTo(Kernels.class))
                                .map(call -> call.getTarget().getName())
                                .collect(Collectors.toSet());
        assertThat(called)
                .as("kernels that KernelCase or ImageCase calls")
                .contains(
                        Stream.of(Kernels.class.getDeclaredMethods())
                                .filter(method -> method.getReturnType() == void.class)
                                .map(Method::getName)
                                .toArray(String[]::new));
    }

    @Test
    void withoutTheVectorModuleTheKernelsAreScalar() throws Exception {
        Child child = start(KERNEL_NAMES, List.of());
        assertThat(child.lastLine()).isEqualTo("scalar");
    }

    @Test
    void aWidthWithoutTheVectorModuleIsRefused() throws Exception {
        Child child = start(KERNEL_NAMES, List.of("-Dtidegrad.kernels=256"));
        assertThat(child.lastLine())
                .isEqualTo(
                        "-Dtidegrad.kernels=256 needs the Vector API: start java with --add-modules jdk.incubator.vector");
    }

    @Test
    void anUnknownNameIsRefusedWithTheNamesThereAre() throws Exception {
        Child child = run(KERNEL_NAMES, "avx", List.of());
        assertThat(child.lastLine())
                .isEqualTo("-Dtidegrad.kernels must be scalar, 128, 256 or 512, found 'avx'");
    }

    @Test
    void aWidthThatTheProcessorLacksIsRefused() throws Exception {
        Child child = run(KERNEL_NAMES, "512", List.of("-XX:MaxVectorSize=16"));
        assertThat(child.lastLine())
                .isEqualTo(
                        "-Dtidegrad.kernels=512, but this processor's vectors have 128 bits at most: leave the"
                                + " property out");
    }

    @Test
    void aProcessorWithoutFusedMultiplyAddIsRefused() throws Exception {
        for (String kernels : List.of("scalar", "128")) {
            Child child = run(KERNEL_NAMES, kernels, List.of("-XX:-UseFMA"));
            assertThat(child.lastLine()).startsWith("this processor has no fused multiply-add");
        }
    }

    @Test
    void theCheckForFusedMultiplyAddHoldsInTheInterpreterToo() throws Exception {
        Child child = run(KERNEL_NAMES, "scalar", List.of("-Xint"));
        assertThat(child.lastLine()).isEqualTo("scalar");
    }

    private static List<String> widths() {
        List<String> widths = new ArrayList<>(List.of("scalar"));
        for (int bits = 128; bits <= VectorKernels.widestBits(); bits *= 2) {
            widths.add(Integer.toString(bits));
        }
        return widths;
    }

    private record Child(int status, String output) {
        String lastLine() {
            List<String> lines = output.lines().toList();
            return lines.getLast();
        }
    }

    private Child run(String main, String kernels, List<String> flags)
            throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(flags);
        all.addAll(
                List.of("--add-modules", "jdk.incubator.vector", "-Dtidegrad.kernels=" + kernels));
        return start(main, all);
    }

    private Child start(String main, List<String> flags) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx256m", "-cp", System.getProperty("java.class.path")));
        command.addAll(flags);
        command.add(main);
        command.add(Long.toString(seed));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(3, TimeUnit.MINUTES)).isTrue();
        return new Child(process.exitValue(), output);
    }
}
