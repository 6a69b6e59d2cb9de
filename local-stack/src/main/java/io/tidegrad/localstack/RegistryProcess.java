package io.tidegrad.localstack;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// Apicurio Registry as a child JVM: a real schema registry with Confluent's REST API, compatibility
/// `BACKWARD_TRANSITIVE`, on the loopback interface.
///
/// Its program is unpacked by this module's build into `local-stack/target/registry`. It is looked for in the
/// directory named by the system property `tidegrad.registry.home`, then below the repository (`tidegrad.root`), then
/// beside the code of this module.
public final class RegistryProcess implements AutoCloseable {
    private static final Duration READY_WITHIN = Duration.ofSeconds(180);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(10);
    private static final Duration POLL_FIRST = Duration.ofMillis(50);
    private static final Duration POLL_LAST = Duration.ofMillis(500);
    private static final String CONFLUENT_API = "/apis/ccompat/v7";

    private final int port;
    private final @Nullable Path directory;
    private final String url;
    private final Path log;
    private ChildJvm child;

    private RegistryProcess(int port, @Nullable Path directory, Path log) {
        this.port = port;
        this.directory = directory;
        this.log = log;
        url = "http://127.0.0.1:" + port + CONFLUENT_API;
        child = launch(port, directory, log);
        awaitReady();
    }

    /// Returns when the registry answers.
    ///
    /// @throws LocalStackException the registry is not unpacked, the port is taken, or it did not become ready
    public static RegistryProcess start(RegistryOptions options) {
        home(); // fails before anything is started
        int port = options.port() == 0 ? Ports.free() : options.port();
        Ports.requireFree(port, "schema registry", Ports.REGISTRY_OPTION);
        Path directory = options.directory();
        try {
            Path log = directory == null ? Files.createTempFile("tidegrad-registry-", ".log")
                    : Files.createDirectories(directory).resolve("registry.log");
            return new RegistryProcess(port, directory, log);
        } catch (IOException e) {
            throw new LocalStackException("can't use the registry's directory " + directory + ": " + e, e);
        }
    }

    private static ChildJvm launch(int port, @Nullable Path directory, Path log) {
        // Quarkus' start class runs inside `ParentWatch`, which saves a second JVM to watch the first.
        return ChildJvm.start("schema registry", flags(port, directory),
                List.of(ChildJvm.ownCode().toString(), home().resolve("quarkus-run.jar").toString()),
                List.of(ParentWatch.class.getName(), "io.quarkus.bootstrap.runner.QuarkusEntryPoint"), log, false);
    }

    private static List<String> flags(int port, @Nullable Path directory) {
        List<String> flags = new ArrayList<>();
        // With only the C1 compiler, the first answer takes 2.7 s instead of 4.1 s, and the process 264 MB resident
        // instead of 316.
        flags.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx384m"));
        // Options from the manifest of quarkus-run.jar, which only apply to `java -jar`.
        flags.addAll(List.of("--add-opens=java.base/java.lang=ALL-UNNAMED", "--enable-native-access=ALL-UNNAMED"));
        flags.add("-Dquarkus.http.host=127.0.0.1");
        flags.add("-Dquarkus.http.port=" + port);
        // The management server can't be disabled at run time, so it gets any free port, and two stacks don't conflict.
        flags.add("-Dquarkus.management.host=127.0.0.1");
        flags.add("-Dquarkus.management.port=0");
        flags.add("-Dquarkus.log.level=WARN");
        flags.add("-Dquarkus.http.access-log.enabled=false");
        flags.add("-Dapicurio.rules.global.compatibility=BACKWARD_TRANSITIVE");
        flags.add("-Dapicurio.storage.kind=sql");
        flags.add("-Dapicurio.storage.sql.kind=h2");
        flags.add("-Dapicurio.datasource.jdbc.initial-size=2");
        flags.add("-Dapicurio.datasource.jdbc.min-size=2");
        flags.add("-Dapicurio.datasource.jdbc.max-size=20");
        if (directory != null) {
            // H2 writes a commit up to half a second late by default: a registry killed in that time would later give
            // an id that it has already returned to another schema (observed), and old records would be misread.
            flags.add("-Dapicurio.datasource.url=jdbc:h2:file:" + directory.toAbsolutePath().resolve("registry")
                    + ";WRITE_DELAY=0");
        }
        return flags;
    }

    private void awaitReady() {
        long start = System.nanoTime();
        Duration pause = POLL_FIRST;
        while (!answers()) {
            if (child.waitFor(pause)) {
                throw child.endedEarly();
            }
            if (System.nanoTime() - start > READY_WITHIN.toNanos() || Thread.currentThread().isInterrupted()) {
                child.kill();
                throw new LocalStackException("the schema registry did not answer at " + url + " within "
                        + READY_WITHIN.toSeconds() + " s; its log: " + log);
            }
            pause = pause.compareTo(POLL_LAST) < 0 ? pause.multipliedBy(2) : POLL_LAST;
        }
    }

    private boolean answers() {
        try {
            var request = (HttpURLConnection) URI.create(url + "/subjects").toURL().openConnection();
            request.setConnectTimeout(1_000);
            request.setReadTimeout(10_000);
            try {
                return request.getResponseCode() == 200;
            } finally {
                request.disconnect();
            }
        } catch (IOException notYet) {
            return false;
        }
    }

    /// The directory of the registry's program.
    ///
    /// @throws LocalStackException it was not found; the message says where it was looked for
    static Path home() {
        Set<Path> candidates = new LinkedHashSet<>();
        String named = System.getProperty("tidegrad.registry.home");
        if (named != null) {
            candidates.add(Path.of(named));
        } else {
            String root = System.getProperty("tidegrad.root");
            if (root != null) {
                candidates.add(Path.of(root, "local-stack", "target", "registry"));
            }
            // This module's code is in <module>/target/classes or <module>/target/<jar>.
            Path code = ChildJvm.ownCode().toAbsolutePath();
            candidates.add(code.resolveSibling("registry"));
            candidates.add(code.resolve(Path.of("..", "..", "..", "local-stack", "target", "registry")).normalize());
        }
        for (Path candidate : candidates) {
            if (Files.isRegularFile(candidate.resolve("quarkus-run.jar"))) {
                return candidate.toAbsolutePath();
            }
        }
        throw new LocalStackException("the schema registry's program is not in " + candidates
                + ": building the module local-stack unpacks it; or name its directory with"
                + " -Dtidegrad.registry.home");
    }

    /// Base URL of the Confluent REST API.
    public String url() {
        return url;
    }

    public long pid() {
        return child.pid();
    }

    public boolean isAlive() {
        return child.isAlive();
    }

    /// SIGKILL; returns when the process is gone.
    public void kill() {
        child.kill();
    }

    /// See [ChildJvm#pause].
    public void pause() {
        child.pause();
    }

    public void resume() {
        child.resume();
    }

    /// Restarts the registry after [#kill] on the same port and, if it has a directory, with the same schemas. Returns
    /// when it answers.
    public void restart() {
        if (child.isAlive()) {
            throw new IllegalStateException("the schema registry is running: kill it first");
        }
        child = launch(port, directory, log);
        awaitReady();
    }

    CompletableFuture<Process> onExit() {
        return child.onExit();
    }

    @Override
    public void close() {
        child.stop(STOP_WITHIN);
        if (directory == null) {
            try {
                Files.deleteIfExists(log);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
