package io.tidegrad.cli.containers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.Json;
import io.tidegrad.proof.LongProof;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.jspecify.annotations.Nullable;

/// Builds the images and runs the demo of `docker/compose.yaml`, where podman and docker compose are installed. No image is
/// fetched: the base is `localhost/debian-base:13`, which mmdebstrap makes unless it exists, the JDK is that of the test,
/// and the broker and the registry are those of the build. An image that `TIDEGRAD_IMAGE`, `KAFKA_IMAGE` or
/// `REGISTRY_IMAGE` names is there already, and is run as it is.
@LongProof("builds images and runs eight containers")
class ContainersRunTest {
    private static final Path ROOT = Path.of(System.getProperty("tidegrad.root"));
    private static final String BASE = "localhost/debian-base:13";
    private static final List<String> IMAGES = List.of("tidegrad", "kafka", "registry");
    private static final Duration PATIENCE = Duration.ofMinutes(5);
    private static final long MEGABYTE = 1_000_000;
    // 143 MB were measured.
    private static final long ADDED_BYTES_MAX = 160 * MEGABYTE;

    private final Json http = new Json();
    private final String project = "tidegrad-test-" + ProcessHandle.current().pid();

    @TempDir
    private Path directory;
    private @Nullable Process service;

    private ProcessBuilder command(List<String> words) {
        ProcessBuilder builder = new ProcessBuilder(words).directory(ROOT.toFile());
        builder.environment().put("CONTAINERS_CONF_OVERRIDE", directory.resolve("containers.conf").toString());
        builder.environment().put("PODMAN_IGNORE_CGROUPSV1_WARNING", "1");
        builder.environment().put("DOCKER_HOST", socket());
        IMAGES.forEach(image -> builder.environment().put(variable(image), tag(image)));
        builder.environment().putAll(Map.of("EVENTS", "20000", "RATE", "4000"));
        return builder;
    }

    /// Also of `docker/compose.yaml`.
    private static String variable(String image) {
        return image.toUpperCase(Locale.ROOT) + "_IMAGE";
    }

    private static boolean isBuilt(String image) {
        return System.getenv(variable(image)) == null;
    }

    private static String tag(String image) {
        return System.getenv().getOrDefault(variable(image), "localhost/tidegrad-test-" + image);
    }

    private String socket() {
        return "unix://" + directory.resolve("podman.sock");
    }

    private record Ended(int status, String out) {
    }

    private Ended ended(String... words) throws IOException, InterruptedException {
        Path out = Files.createTempFile(directory, "out", "");
        Process process = command(List.of(words)).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        assertThat(process.waitFor(10, TimeUnit.MINUTES)).as(String.join(" ", words)).isTrue();
        return new Ended(process.exitValue(), Files.readString(out).strip());
    }

    /// Returns what it prints.
    private String run(String... words) throws IOException, InterruptedException {
        Ended ended = ended(words);
        assertThat(ended.status()).as(String.join(" ", words) + "\n" + ended.out()).isZero();
        return ended.out();
    }

    private String compose(String... words) throws IOException, InterruptedException {
        return run(Stream.concat(Stream.of("docker", "compose", "-p", project, "-f", "docker/compose.yaml", "-f",
                directory.resolve("no-ports.yaml").toString()), Stream.of(words)).toArray(String[]::new));
    }

    private String container(String service) {
        return project + "-" + service + "-1";
    }

    private static boolean installed(String program) {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
                .anyMatch(each -> Files.isExecutable(Path.of(each, program)));
    }

    private void requireWhatItNeeds() throws IOException, InterruptedException {
        if (!"root".equals(System.getProperty("user.name"))) {
            Assumptions.abort("tried as root only: run it as root to build and run the images");
        }
        for (String program : List.of("podman", "docker", "runc")) {
            if (!installed(program)) {
                Assumptions
                        .abort("no " + program + ": install podman, runc, nftables, netavark, aardvark-dns, docker-cli,"
                                + " docker-compose and mmdebstrap to build and run the images");
            }
        }
        Files.writeString(directory.resolve("containers.conf"), """
                [containers]
                default_ulimits = ["nofile=20000:20000","nproc=30000:30000"]
                [engine]
                runtime = "runc"
                """);
        Files.writeString(directory.resolve("no-ports.yaml"),
                "services:\n" + Stream.of("trainer", "joiner", "scorer-1", "scorer-2", "console")
                        .map("  %s: { ports: !reset [] }\n"::formatted).reduce("", String::concat));
        if (IMAGES.stream().anyMatch(ContainersRunTest::isBuilt)) {
            requireWhatABuildNeeds();
        }
    }

    private void requireWhatABuildNeeds() throws IOException, InterruptedException {
        try (Stream<Path> built = Files.exists(ROOT.resolve("cli/target/lib")) ? Files.list(ROOT.resolve("cli/target"))
                : Stream.empty()) {
            if (built.noneMatch(each -> each.getFileName().toString().matches("cli-\\d+\\.\\d+\\.\\d+\\.jar"))) {
                Assumptions.abort("nothing is built: run ./tidegrad build first");
            }
        }
        if (ended("podman", "image", "exists", BASE).status() != 0) {
            if (!installed("mmdebstrap")) {
                Assumptions.abort("no image " + BASE + ": install mmdebstrap, or import one");
            }
            Path archive = directory.resolve("base.tar");
            run("mmdebstrap", "--variant=minbase", "trixie", archive.toString());
            run("podman", "import", archive.toString(), BASE);
        }
    }

    private void build() throws IOException, InterruptedException {
        for (String image : IMAGES.stream().filter(ContainersRunTest::isBuilt).toList()) {
            run("podman", "build", "--pull=never", "--format", "docker", "-f", "docker/Dockerfile", "--target", image,
                    "-t", tag(image), "--build-arg", "APP=prebuilt", "--build-arg", "BASE=" + BASE, "--build-arg",
                    "JDK=" + BASE, "-v", System.getProperty("java.home") + ":/opt/java/openjdk:ro", "-v",
                    "/etc/ssl/certs:/etc/ssl/certs:ro", ".");
        }
    }

    private void start() throws IOException, InterruptedException {
        service = command(List.of("podman", "system", "service", "--time=0", socket())).redirectErrorStream(true)
                .redirectOutput(directory.resolve("service.log").toFile()).start();
        await().atMost(PATIENCE).until(() -> Files.exists(directory.resolve("podman.sock")));
        compose("up", "-d", "kafka", "registry", "trainer", "joiner", "scorer-1", "scorer-2", "console", "producer");
    }

    @AfterEach
    void end() throws IOException, InterruptedException {
        http.close();
        Process running = service;
        if (running == null) {
            return;
        }
        try {
            List<String> containers = run("podman", "ps", "-a", "-q", "--filter", "name=^" + project).lines().toList();
            if (!containers.isEmpty()) { // none if the start failed early
                List<String> remove = new ArrayList<>(List.of("podman", "rm", "-f", "-v", "-t", "1"));
                remove.addAll(containers);
                run(remove.toArray(String[]::new));
            }
            for (String volume : run("podman", "volume", "ls", "-q", "--filter", "name=" + project).lines().toList()) {
                run("podman", "volume", "rm", volume);
            }
            run("podman", "network", "rm", "-f", project + "_default");
        } finally {
            running.destroy();
            running.waitFor();
        }
    }

    private long bytes(String image) throws IOException, InterruptedException {
        return Long.parseLong(run("podman", "image", "inspect", "--format", "{{.Size}}", image));
    }

    private JsonNode get(String service, String path) throws IOException, InterruptedException {
        String address = run("podman", "inspect", "--format",
                "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container(service));
        JsonNode answer = http.get("http://" + address + ":8080" + path);
        return answer == null ? Json.NOTHING : answer;
    }

    private String instanceId() throws IOException, InterruptedException {
        return run("podman", "exec", container("trainer"), "cat", "/var/lib/tidegrad/instance-id");
    }

    @Test
    void theDemoLearnsAndATrainerThatIsKilledGoesOnUnderItsName() throws Exception {
        requireWhatItNeeds();
        build();
        if (isBuilt("tidegrad")) {
            assertThat(bytes(tag("tidegrad")) - bytes(BASE)).isLessThan(ADDED_BYTES_MAX);
        }
        start();

        assertThat(run("podman", "wait", container("producer"))).as(run("podman", "logs", container("producer")))
                .isEqualTo("0");
        assertThat(run("podman", "logs", container("producer")).lines().toList().getLast()).contains("learned 20,000",
                "served 20,000");
        JsonNode model = get("trainer", "/health").path("models").path(0);
        assertThat(model.path("report").path("auc").asDouble()).isGreaterThan(0.62);
        for (String other : List.of("joiner", "console")) {
            assertThat(get(other, "/health").path("status").asText()).as(other).isEqualTo("UP");
        }
        assertThat(get("console", "/health").path("models").asInt()).isEqualTo(1);
        for (String scorer : List.of("scorer-1", "scorer-2")) {
            await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(get(scorer, "/v1/models/flight-delay").path("weights_hash"))
                            .isEqualTo(model.path("report").path("weights_hash")));
        }

        for (String process : List.of("trainer", "joiner", "scorer-1", "console")) {
            assertThat(run("podman", "exec", container(process), "id", "-u")).isEqualTo("10001");
            assertThat(ended("podman", "exec", container(process), "touch", "/opt/tidegrad/x").out())
                    .contains("Read-only file system");
        }

        String before = instanceId();
        run("podman", "kill", "-s", "KILL", container("trainer"));
        run("podman", "start", container("trainer"));
        await().atMost(PATIENCE)
                .untilAsserted(() -> assertThat(get("trainer", "/health").path("status").asText()).isEqualTo("UP"));
        assertThat(instanceId()).isEqualTo(before);
        assertThat(get("trainer", "/health").path("models").path(0).path("learned").asLong()).isEqualTo(20_000);

        for (String process : List.of("trainer", "joiner", "scorer-1", "console")) {
            run("podman", "stop", "-t", "45", container(process));
            assertThat(run("podman", "inspect", "--format", "{{.State.ExitCode}}", container(process))).as(process)
                    .isEqualTo("0");
        }
    }
}
