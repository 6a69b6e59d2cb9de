package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.LongProof;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ParentWatchTest {
    @TempDir
    Path directory;

    /// A parent as the command line tool is one: a broker and a registry as children; prints their process ids, then
    /// waits to be killed.
    static final class Parent {
        public static void main(String[] args) throws Exception {
            LocalStack stack = LocalStack.start(LocalStackOptions.in(Path.of(args[0])).withKafkaAsChild());
            System.out.println(stack.brokerProcess().pid() + " " + stack.registry().pid());
            Thread.currentThread().join();
        }
    }

    /// A child that leaves a trace if it is let end in order.
    static final class Orderly {
        public static void main(String[] args) throws Exception {
            ParentWatch.start();
            Path trace = Path.of(args[0]);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                try {
                    Files.createFile(trace);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }));
            System.out.println("ready");
            Thread.currentThread().join();
        }
    }

    @Test
    void aChildThatIsStoppedEndsInOrder() {
        Path trace = directory.resolve("ended-in-order");
        ChildJvm child = ChildJvm.start("orderly child", List.of(), ChildJvm.ownClassPath(),
                List.of(Orderly.class.getName(), trace.toString()), directory.resolve("child.log"), true);
        assertThat(child.awaitLine(Duration.ofSeconds(60))).isEqualTo("ready");
        child.stop(Duration.ofSeconds(60));
        assertThat(trace).exists();
        assertThat(child.isAlive()).isFalse();
    }

    @Test
    void aChildThatFailsToStartSaysWhyByTheEndOfItsLog() {
        ChildJvm child = ChildJvm.start("broken child", List.of(), ChildJvm.ownClassPath(), List.of("no.such.Main"),
                directory.resolve("child.log"), true);
        assertThatThrownBy(() -> child.awaitLine(Duration.ofSeconds(60))).isInstanceOf(LocalStackException.class)
                .hasMessageContaining("broken child ended with status 1").hasMessageContaining("no.such.Main");
    }

    @LongProof("a stack of its own")
    @Test
    void brokerAndRegistryEndWhenTheirParentIsKilled() throws Exception {
        Process parent = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dtidegrad.root=" + System.getProperty("tidegrad.root", ""), "-cp",
                System.getProperty("java.class.path"), Parent.class.getName(), directory.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try {
            List<ProcessHandle> children = childrenOf(parent);
            assertThat(children).hasSize(2).allMatch(ProcessHandle::isAlive);

            parent.destroyForcibly().waitFor();

            for (ProcessHandle child : children) {
                child.onExit().get(60, TimeUnit.SECONDS);
            }
        } finally {
            parent.destroyForcibly().waitFor();
        }
    }

    private static List<ProcessHandle> childrenOf(Process parent) throws IOException {
        var out = new BufferedReader(new InputStreamReader(parent.getInputStream(), StandardCharsets.UTF_8));
        String pids = out.readLine();
        assertThat(pids).as("the line with the process ids").isNotNull();
        return Arrays.stream(pids.split(" ")).map(pid -> ProcessHandle.of(Long.parseLong(pid)).orElseThrow()).toList();
    }
}
