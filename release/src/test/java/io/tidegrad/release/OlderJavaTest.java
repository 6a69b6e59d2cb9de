package io.tidegrad.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnxruntime.OrtEnvironment;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.testing.FixedRun;
import io.tidegrad.exchange.OnnxExport;
import io.tidegrad.localstack.streams.Digit;
import io.tidegrad.localstack.streams.Flight;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.TestBroker;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.constant.ClassDesc;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What `./tidegrad package` publishes, on each Java of this machine from 17 on: the same bits as here, by scalar
/// kernels below Java 25 and vector kernels from it on.
@LongProof("JVMs of other versions, a build by Maven, a repository to publish")
@Execution(ExecutionMode.CONCURRENT)
class OlderJavaTest {
    private static final Path ROOT = Path.of(System.getProperty("tidegrad.root"));
    private static final int ACCEPTED_FROM = 17;
    private static final int VECTORS_FROM = 25;
    private static final Pattern DELAY = Pattern.compile("\"delay\":([^,}]+)");

    @TempDir
    static Path directory;

    private static Map<Integer, Path> javas = Map.of();
    private static Path service = Path.of("");
    private static List<Path> libraries = List.of();
    private static MavenRepository repository = new MavenRepository(Path.of(""), "");

    private static List<Path> classPath() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator)).map(Path::of).toList();
    }

    /// The service of the documentation, built as its user would: from the published repository.
    @BeforeAll
    static void publishAndBuildTheService() throws Exception {
        javas = new TreeMap<>(Jdks.found());
        javas.keySet().removeIf(release -> release < ACCEPTED_FROM);
        Path published = directory.resolve("repository");
        repository = new MavenRepository(published, "0.1.0");
        repository.write(ROOT, OlderJavaTest::module, classPath(), directory.resolve("work"));

        service = directory.resolve("service");
        Path source = ROOT.resolve("docs/examples/service");
        for (String file : List.of("pom.xml", "src/main/java/DelayService.java")) {
            Files.createDirectories(service.resolve(file).getParent());
            Files.copy(source.resolve(file), service.resolve(file));
        }
        // A local repository of its own, so that the one of this user never holds what was published here.
        Path cache = Path.of(System.getProperty("user.home"), ".m2", "repository");
        List<String> said = run(service,
                List.of("mvn", "-B", "-ntp", "-q", "-Dmaven.repo.local=" + directory.resolve("m2"),
                        "-Dmaven.repo.local.tail=" + cache, "-Dtidegrad.repository=" + published.toUri(), "compile",
                        "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath",
                        "-Dmdep.outputFile=class-path"));
        assertThat(service.resolve("class-path")).as("%s", said).exists();
        libraries = Stream.of(Files.readString(service.resolve("class-path")).strip().split(File.pathSeparator))
                .map(Path::of).toList();
    }

    private static Path module(String name) {
        return codeOf(switch (name) {
            case "schemas" -> io.tidegrad.schemas.Topics.class;
            case "engine" -> io.tidegrad.engine.model.Plan.class;
            case "model" -> SnapshotFile.class;
            case "control" -> io.tidegrad.control.ControlIntake.class;
            default -> Scorer.class;
        });
    }

    private static Path codeOf(Class<?> type) {
        CodeSource source = Objects.requireNonNull(type.getProtectionDomain().getCodeSource());
        return Path.of(URI.create(source.getLocation().toString()));
    }

    private static List<String> run(Path where, List<String> command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).directory(where.toFile()).redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        List<String> lines;
        try (BufferedReader reader = process.inputReader()) {
            lines = reader.lines().toList();
        }
        assertThat(process.waitFor()).as("%s: %s", command, lines).isZero();
        return lines;
    }

    private static String joined(List<Path> paths) {
        return String.join(File.pathSeparator, paths.stream().map(Path::toString).toList());
    }

    private static List<String> java(int release, String... more) {
        List<String> command = new ArrayList<>(List.of(Objects.requireNonNull(javas.get(release)).toString()));
        command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
        command.addAll(List.of(more));
        return command;
    }

    static List<Integer> releases() throws IOException {
        return Jdks.found().keySet().stream().filter(release -> release >= ACCEPTED_FROM).toList();
    }

    @Test
    void thisMachineHasAnOlderJava() {
        assumeTrue(javas.keySet().stream().anyMatch(release -> release < VECTORS_FROM),
                "only " + javas.keySet() + " is here: install a Java 17 or 21 to test with it");
    }

    /// All layers, losses and optimizers.
    @ParameterizedTest
    @MethodSource("releases")
    void everythingLearnsTheCommittedBits(int release) throws Exception {
        Path runs = directory.resolve("runs-" + release + ".jar");
        Map<String, byte[]> classes = ModuleFiles.read(codeOf(FixedRun.class));
        classes.keySet().removeIf(name -> !name.matches(".*/(FixedRun|Random[A-Z][a-z]+|EagerWorkers)[^/]*\\.class"));
        Path substitutes =
                new Java17Jar(directory.resolve("runs-" + release)).compileSubstitutes("io.tidegrad.engine.testing");
        Map<String, byte[]> files = new TreeMap<>(ModuleFiles.read(substitutes));
        files.putAll(new LoweredClasses(new JavaApi(17), ClassDesc.of("io.tidegrad.engine.testing.Java17"), files,
                getClass().getClassLoader()).lower(classes));
        ModuleFiles.writeJar(runs, Map.of(), files);

        List<String> said = run(directory, java(release, "-cp", joined(List.of(repository.jar("engine"), runs)),
                FixedRun.class.getName(), "1", "2"));
        List<String> lines = said.stream().filter(line -> !line.startsWith("WARNING: ")).toList();
        assertThat(lines.getFirst()).startsWith(release < VECTORS_FROM ? "scalar" : "simd-");
        assertThat(lines.subList(1, lines.size()))
                .isEqualTo(Stream.concat(FixedRun.HASHES.stream(), FixedRun.HASHES.stream()).toList());
    }

    @ParameterizedTest
    @MethodSource("releases")
    void theDocumentedServiceAnswersTheBitsOfAFile(int release) throws Exception {
        TestTrainer trainer = TestTrainer.of("flights").learn(200);
        Path file = directory.resolve("flights-" + release + ".snapshot");
        try (OutputStream to = Files.newOutputStream(file)) {
            SnapshotFile.write(SnapshotFile.Head.of(trainer.publish().manifest(), trainer.model().spec().yaml()),
                    trainer.model().parameters(), to);
        }
        Running running = start(release, file.toString());
        try (HttpClient http = HttpClient.newHttpClient()) {
            for (int i = 200; i < 260; i++) {
                assertThat(delay(ask(http, running, i))).isEqualTo(trainer.answers(new long[]{i})[0]);
            }
            HttpResponse<String> refused = ask(http, running, "{\"distance\": \"far\"}");
            assertThat(refused.statusCode()).isEqualTo(400);
            assertThat(refused.body()).contains("distance");
            HttpResponse<String> none = ask(http, running, "null");
            assertThat(none.statusCode()).isEqualTo(400);
            assertThat(none.body()).contains("expected a record, found null");
        } finally {
            running.process().destroyForcibly().waitFor();
        }
    }

    @ParameterizedTest
    @MethodSource("releases")
    void theDocumentedServiceFollowsATopic(int release) throws Exception {
        String model = TestBroker.newModelName();
        TestTrainer trainer = TestTrainer.of(model).learn(50);
        try (TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), model).createTopic();
                HttpClient http = HttpClient.newHttpClient()) {
            Running running = start(release, model, TestBroker.bootstrapServers());
            try {
                assertThat(ask(http, running, 60).statusCode()).isEqualTo(503);
                publisher.publish(trainer.publish());
                assertServes(http, running, trainer);
                publisher.publish(trainer.learn(5).publish());
                assertServes(http, running, trainer);
            } finally {
                running.process().destroyForcibly().waitFor();
            }
        }
    }

    /// Longer than until the reader makes a class of their schema, which needs Java 25.
    @ParameterizedTest
    @MethodSource("releases")
    void manyAvroRecordsAreRead(int release) throws Exception {
        List<Path> path = compiled("AvroRecords", release, libraries);
        assertThat(run(directory, java(release, "-cp", joined(path), "AvroRecords"))).contains("sum 4501500");
    }

    /// Compiles a program of the test's resources for Java 17, and returns its class path.
    ///
    /// @param release that will run it, beside tests of other ones
    private static List<Path> compiled(String program, int release, List<Path> libraries) throws Exception {
        Path classes = Files.createDirectories(directory.resolve(program + "-" + release));
        URL source = Objects.requireNonNull(OlderJavaTest.class.getResource("/" + program + ".java"));
        assertThat(ToolProvider.getSystemJavaCompiler().run(null, null, null, "--release", "17", "-proc:none", "-cp",
                joined(libraries), "-d", classes.toString(), Path.of(source.toURI()).toString())).isZero();
        return Stream.concat(libraries.stream(), Stream.of(classes)).toList();
    }

    /// Prints the medians of both; with `-Dtidegrad.speed.seconds=5` they are worth reading.
    @ParameterizedTest
    @MethodSource("releases")
    void aRecordIsScoredLikeByOnnxRuntime(int release) throws Exception {
        List<Path> path = compiled("RecordSpeed", release,
                Stream.concat(libraries.stream(), Stream.of(codeOf(OrtEnvironment.class))).toList());
        for (String name : List.of("flights", "w1", "w2")) {
            ShippedStream stream = name.equals("flights") ? ShippedStream.FLIGHTS : ShippedStream.DIGITS;
            String yaml = name.equals("w2")
                    ? stream.spec().replace("[ dense: 10, relu,", "[ dense: 512, relu, dense: 256, relu,")
                    : stream.spec();
            OnlineModel model = OnlineModel.initial(ModelSpec.parse(yaml, name), Kernels.active());
            Path snapshot = directory.resolve("scored-" + name + "-" + release + ".snapshot");
            try (OutputStream to = Files.newOutputStream(snapshot)) {
                SnapshotFile.write(SnapshotFile.Head.of(
                        PublishedSnapshot.of(model, model.weightsHash(), 1, 0, 0, false).manifest(),
                        model.spec().yaml()), model.parameters(), to);
            }
            Path onnx = Files.write(directory.resolve(name + "-" + release + ".onnx"),
                    OnnxExport.of(name, model.parameters(), Map.of()));
            List<String> records = new ArrayList<>();
            for (StreamEvent event : stream.read().subList(0, 64)) {
                records.add(new ObjectMapper().writeValueAsString(switch (event) {
                    case Flight flight -> Map.of("departed", flight.departed(), "distance", flight.distance(), "origin",
                            flight.origin(), "destination", flight.destination());
                    case Digit digit -> Map.of("pixels", digit.pixels());
                }));
            }
            Path lines = Files.write(directory.resolve(name + "-" + release + ".json"), records);
            List<String> said =
                    run(directory, java(release, "-cp", joined(path), "RecordSpeed", name, snapshot.toString(),
                            onnx.toString(), lines.toString(), System.getProperty("tidegrad.speed.seconds", "0.2")));
            System.out.println(said.getLast());
            assertThat(said.getLast()).startsWith("java=" + release);
            assertThat(Double.parseDouble(said.getLast().replaceAll(".*difference=", ""))).isLessThan(1e-5);
        }
    }

    private static void assertServes(HttpClient http, Running running, TestTrainer trainer) throws Exception {
        String version = "\"version\":" + trainer.nextOffset() + ",";
        String alsoLast = "\"version\":" + trainer.nextOffset() + "}";
        Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> {
            String body = ask(http, running, 60).body();
            return body.contains(version) || body.contains(alsoLast);
        });
        for (int i : IntStream.range(60, 70).toArray()) {
            assertThat(delay(ask(http, running, i))).isEqualTo(trainer.answers(new long[]{i})[0]);
        }
    }

    private record Running(Process process, URI uri) {
    }

    private static Running start(int release, String... arguments) throws IOException {
        List<Path> path = new ArrayList<>(List.of(service.resolve("target/classes")));
        path.addAll(libraries);
        List<String> command = java(release, "-cp", joined(path), "DelayService");
        command.addAll(List.of(arguments));
        Path errors = directory.resolve("service.log");
        Path out = Files.createTempFile(directory, "service", ".out");
        Process process = new ProcessBuilder(command).redirectOutput(out.toFile())
                .redirectError(ProcessBuilder.Redirect.appendTo(errors.toFile())).start();
        boolean serves = false;
        try {
            Awaitility.await().atMost(Duration.ofMinutes(1))
                    .until(() -> Files.readString(out).contains("\n") || !process.isAlive());
            assertThat(Files.readString(out)).as("%s", Files.readString(errors)).contains("\n");
            serves = true;
            return new Running(process, URI.create(Files.readString(out).strip()));
        } finally {
            if (!serves) {
                process.destroyForcibly();
            }
        }
    }

    private static HttpResponse<String> ask(HttpClient http, Running running, long event) throws Exception {
        return ask(http, running, new ObjectMapper().writeValueAsString(TestTrainer.event(event).fields()));
    }

    private static HttpResponse<String> ask(HttpClient http, Running running, String body) throws Exception {
        return http.send(HttpRequest.newBuilder(running.uri()).POST(HttpRequest.BodyPublishers.ofString(body)).build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static float delay(HttpResponse<String> answer) {
        Matcher delay = DELAY.matcher(answer.body());
        assertThat(delay.find()).as(answer.body()).isTrue();
        return Float.parseFloat(delay.group(1));
    }
}
