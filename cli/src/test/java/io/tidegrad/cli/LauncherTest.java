package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The script itself, in a folder with a blank in its name, with a `java` that writes down what it is asked for.
class LauncherTest {
    private static final List<String> SCORERS_HEAP = List.of("-XX:InitialRAMPercentage=6.25", "-XX:NewRatio=1");

    /// What the kernel of this machine says must not decide what the test sees.
    private static final Pattern HUGE_PAGES_OF_LINUX =
            Pattern.compile("(?<=^thp=)/sys/kernel/mm/transparent_hugepage/enabled$", Pattern.MULTILINE);

    private static final String JAVA = """
            #!/bin/sh
            case "$*" in
                *'Tidegrad local-stack '*)
                    printf '%s\\n' "$@" >"${0%/*}/../stack"
                    exit 0
                    ;;
            esac
            printf '%s\\n' "$@" >>"${0%/*}/../asked"
            echo end >>"${0%/*}/../asked"
            status=$(head -n 1 "${0%/*}/../statuses")
            sed 1d "${0%/*}/../statuses" >"$0.rest" && mv "$0.rest" "${0%/*}/../statuses"
            echo 'WARNING: Using incubator modules: jdk.incubator.vector' >&2
            echo 'WARNING: of something else' >&2
            exit "$status"
            """;

    @TempDir
    private Path directory;
    private Path jdk;
    private Path root;

    @BeforeEach
    void makeACheckoutThatIsBuilt() throws IOException {
        root = Files.createDirectories(directory.resolve("a check out"));
        Files.copy(Path.of(System.getProperty("tidegrad.root"), "tidegrad"), root.resolve("tidegrad"));
        for (String folder : List.of(".mvn", "cli/src/main", "engine/src/kernels", "load-tests/rivals/src/main")) {
            Files.createDirectories(root.resolve(folder));
        }
        for (String pom : List.of("pom.xml", "cli/pom.xml", "load-tests/rivals/pom.xml")) {
            Files.createFile(root.resolve(pom));
        }
        jdk = directory.resolve("jdk");
        executable(jdk.resolve("bin/javac"), "#!/bin/sh\n");
        executable(jdk.resolve("bin/java"), JAVA);
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.3\"\n");
        executable(directory.resolve("bin/mvn"), "#!/bin/sh\nmkdir -p cli/target/lib\necho \"$@\" >>../built\n");
    }

    private static void executable(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }

    private record Ended(int status, String err) {
    }

    /// @param statuses that the JVMs end with, one after the other
    private Ended launch(List<Integer> statuses, String... arguments) throws Exception {
        Files.write(jdk.resolve("statuses"), statuses.stream().map(String::valueOf).toList());
        ProcessBuilder builder = new ProcessBuilder(
                Stream.concat(Stream.of("sh", root.resolve("tidegrad").toString()), Stream.of(arguments)).toList());
        builder.environment().put("JAVA_HOME", jdk.toString());
        builder.environment().merge("PATH", "", (path, _) -> directory.resolve("bin") + ":" + path);
        builder.environment().put("TIDEGRAD_JVM_OPTIONS", "-Xmn1g");
        Process process = builder.start();
        process.getOutputStream().close();
        // To its end: what leaves lines out may go on for a moment when all else has ended.
        try {
            byte[] err = CompletableFuture.supplyAsync(() -> readToEnd(process)).get(2, TimeUnit.MINUTES);
            return new Ended(process.waitFor(), new String(err, StandardCharsets.UTF_8));
        } finally {
            Stream.concat(process.descendants(), Stream.of(process.toHandle())).forEach(ProcessHandle::destroyForcibly);
        }
    }

    private static byte[] readToEnd(Process process) {
        try {
            return process.getErrorStream().readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// The options and arguments of each JVM that was started.
    private List<List<String>> asked() throws IOException {
        return Stream.of(Files.readString(jdk.resolve("asked")).split("\nend\n")).map(each -> List.of(each.split("\n")))
                .toList();
    }

    @ParameterizedTest
    @CsvSource({"scorer --model x, true", "loadtest score, true", "trainer --model x, false"})
    void aScorerHasAHeapForItsVersions(String command, boolean large) throws Exception {
        assertThat(launch(List.of(0), command.split(" ")).status()).isZero();
        List<String> asked = asked().getFirst();
        assertThat(asked).contains("--add-modules", "jdk.incubator.vector", "-XX:MetaspaceSize=128m", "-Xmn1g")
                .endsWith(command.split(" "));
        if (large) {
            assertThat(asked).containsAll(SCORERS_HEAP);
            // Who runs it has the last word.
            assertThat(asked.indexOf("-Xmn1g")).isGreaterThan(asked.indexOf(SCORERS_HEAP.getLast()));
        } else {
            assertThat(asked).doesNotContainAnyElementsOf(SCORERS_HEAP);
        }
    }

    @ParameterizedTest
    @CsvSource({"joiner --model x, true", "console --port 1, true", "loadtest soak, true", "loadtest score, false",
        "trainer --model x, false", "scorer --model x, false"})
    void joinersConsolesAndASoakCollectByG1AndJoinersGiveBackWhatRocksDbFreed(String command, boolean g1)
            throws Exception {
        assertThat(launch(List.of(0), command.split(" ")).status()).isZero();
        assertThat(asked()).singleElement(InstanceOfAssertFactories.LIST).filteredOn("-XX:+UseG1GC"::equals)
                .hasSize(g1 ? 1 : 0);
        assertThat(asked()).singleElement(InstanceOfAssertFactories.LIST)
                .filteredOn("-XX:TrimNativeHeapInterval=1000"::equals).hasSize(command.startsWith("joiner") ? 1 : 0);
    }

    /// Where Linux lets a process ask for them; elsewhere no command does, because the JVM would warn.
    @ParameterizedTest
    @CsvSource({"trainer --model x, true", "joiner --model x, false", "scorer --model x, false",
        "console --port 1, false", "replay --model x, true", "verify --model x, true", "backtest x, true",
        "loadtest score, true", "loadtest soak, false", "bench, true", "version, true", "help, true",
        "help scorer, true"})
    void onlyWhatAnswersOrJoinsDoesWithoutHugePages(String command, boolean huge) throws Exception {
        Path enabled = directory.resolve("enabled");
        for (String pages : List.of("always [madvise] never", "[always] madvise never", "always madvise [never]", "")) {
            Files.deleteIfExists(enabled);
            if (!pages.isEmpty()) {
                Files.writeString(enabled, pages + "\n");
            }
            Files.deleteIfExists(jdk.resolve("asked"));
            Path script = root.resolve("tidegrad");
            Files.writeString(script,
                    HUGE_PAGES_OF_LINUX
                            .matcher(Files.readString(Path.of(System.getProperty("tidegrad.root"), "tidegrad")))
                            .replaceAll(Matcher.quoteReplacement("'" + enabled + "'")));
            assertThat(launch(List.of(0), command.split(" ")).status()).isZero();
            assertThat(asked()).singleElement(InstanceOfAssertFactories.LIST)
                    .filteredOn("-XX:+UseTransparentHugePages"::equals).as("%s", pages)
                    .hasSize(huge && !pages.isEmpty() && !pages.contains("[never]") ? 1 : 0);
            assertThat(asked()).singleElement(InstanceOfAssertFactories.LIST).filteredOn("-XX:+AlwaysPreTouch"::equals)
                    .as("%s", pages)
                    .hasSize(command.startsWith("trainer") && !pages.isEmpty() && !pages.contains("[never]") ? 1 : 0);
        }
    }

    @ParameterizedTest
    @CsvSource({"trainer --model x, !*", "version, !*",
        "loadtest soak, java.base/*;java.rmi/*;java.management/*;java.management.rmi/*;!*"})
    void onlyLoadTestsTakeSerializedObjectsAndOnlyThoseOfJmx(String command, String filter) throws Exception {
        assertThat(launch(List.of(0), command.split(" ")).status()).isZero();
        assertThat(asked()).singleElement(InstanceOfAssertFactories.LIST)
                .filteredOn(each -> each.toString().contains("serialFilter"))
                .containsExactly("-Djdk.serialFilter=" + filter);
    }

    @Test
    void whatCanBeRetriedIsStartedAgainAndSaysSo() throws Exception {
        Ended ended = launch(List.of(75, 2), "scorer", "--model", "x");
        assertThat(asked()).hasSize(2);
        assertThat(asked().get(1)).isEqualTo(asked().get(0));
        assertThat(ended.status()).isEqualTo(2);
        assertThat(ended.err())
                .contains("tidegrad: scorer ended with exit code 75 (retryable); starting it again in 1 s");
    }

    @ParameterizedTest
    @CsvSource({"scorer, 2", "trainer, 0", "quickstart, 75"})
    void whatCannotIsNot(String command, int status) throws Exception {
        assertThat(launch(List.of(status, 0), command).status()).isEqualTo(status);
        assertThat(asked()).hasSize(1);
    }

    @Test
    void whatTheJvmSaysOfItsIncubatorIsLeftOutAndNothingElse() throws Exception {
        assertThat(launch(List.of(0), "version").err()).contains("WARNING: of something else")
                .doesNotContain("incubator");
    }

    @Test
    void theBrokersOfAnotherReleaseAreStartedFromItsJarsAndTheTestsGetTheirAddress() throws Exception {
        // As tests do, it waits for the stack, which is ended after it.
        executable(directory.resolve("bin/mvn"), """
                #!/bin/sh
                mkdir -p cli/target/lib
                echo "$@" >>../built
                case "$*" in
                    *tests.stack*) until [ -s ../jdk/stack ]; do sleep 0.1; done ;;
                esac
                for class in TrainerTest JoinerTest StreamEndToEndTest $(cat ../also); do
                    case "$*" in
                        *tests.stack*)
                            mkdir -p cli/target/surefire-reports-brokers
                            echo >cli/target/surefire-reports-brokers/TEST-io.tidegrad.$class.xml ;;
                    esac
                done
                """);
        Files.writeString(directory.resolve("also"), "ControlEndToEndTest");
        assertThat(launch(List.of(0), "test", "--brokers", "3.9.2").err()).contains("Kafka 3.9.2: passed");
        Path jars = root.resolve("target/brokers/3.9.2");
        assertThat(Files.readAllLines(jdk.resolve("stack"))).contains("local-stack").endsWith("--kafka-release",
                jars.toString());
        assertThat(Files.readString(directory.resolve("built"))).contains("-Dkafka.release=3.9.2",
                "-DoutputDirectory=" + jars, "-Dtests.stack=" + root.resolve("target/test-stack"));
        // Reports of an earlier run don't count.
        Files.writeString(directory.resolve("also"), "");
        assertThat(launch(List.of(0), "test", "--brokers", "3.9.2"))
                .matches(ended -> ended.status() != 0 && ended.err().contains("Kafka 3.9.2: failed"));
        assertThat(Files.readString(root.resolve("target/brokers-3.9.2.log"))).contains("no report of ControlEndToEnd");
        for (String none : List.of("", ",")) {
            assertThat(launch(List.of(), "test", "--brokers", none).status()).isEqualTo(2);
        }
        assertThat(launch(List.of(), "test", "--brokers").status()).isEqualTo(2);
    }

    /// The build never reads it.
    @Test
    void theProjectThatFetchesThoseJarsCanBeRead() throws Exception {
        Path project = Path.of(System.getProperty("tidegrad.root"), "build", "kafka-release.xml");
        assertThat(DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(project.toFile())
                .getElementsByTagName("version").getLength()).isPositive();
    }

    @Test
    void theGoldenCasesAreRunFromTheSourcesOfTheTestsOnTheProductsClassPath() throws Exception {
        assertThat(launch(List.of(1), "golden", "cases").status()).isEqualTo(1);
        assertThat(asked().getFirst()).contains("jdk.incubator.vector", "-cp")
                .endsWith(root.resolve("cli/src/test/java/io/tidegrad/cli/golden/Golden.java").toString(), "cases");
        assertThat(Path.of(System.getProperty("tidegrad.root"))
                .resolve("cli/src/test/java/io/tidegrad/cli/golden/Golden.java")).exists();
    }

    @Test
    void anArchiveStartsFromItsLibrariesAndBuildsNothing() throws Exception {
        Files.delete(root.resolve("pom.xml"));
        Files.createDirectories(root.resolve("lib"));
        assertThat(launch(List.of(0), "scorer", "--model", "x").status()).isZero();
        assertThat(asked().getFirst()).containsSequence("-cp", root.resolve("lib") + "/*");
        Ended refused = launch(List.of(0), "package");
        assertThat(refused.status()).isEqualTo(2);
        assertThat(refused.err()).contains("package needs the sources");
        assertThat(directory.resolve("built")).doesNotExist();
    }

    /// The registry, of the version that a build unpacks.
    @Test
    void anArchiveFetchesTheRegistryOnceForTheFirstCommandThatRunsOne() throws Exception {
        Files.delete(root.resolve("pom.xml"));
        Files.createDirectories(root.resolve("lib"));
        Path built = directory.resolve("built");
        executable(directory.resolve("bin/mvn"),
                "#!/bin/sh\necho \"$@\" >>'%s'\nfor last in \"$@\"; do :; done\nto=${last#*=}\nmkdir -p \"$to\"\n"
                        .formatted(built)
                        + "[ ! -e '%s' ] || { echo '[ERROR] no network'; exit 1; }\n"
                                .formatted(directory.resolve("cut off"))
                        + ": >\"$to/quarkus-run.jar\"\n");
        Files.createFile(directory.resolve("cut off"));
        Ended failed = launch(List.of(0), "quickstart");
        assertThat(failed.status()).isEqualTo(2);
        assertThat(failed.err()).contains("no network", "could not fetch the schema registry");
        assertThat(root.resolve("lib")).isEmptyDirectory();
        Files.delete(directory.resolve("cut off"));

        assertThat(launch(List.of(0), "trainer").status()).isZero();
        assertThat(launch(List.of(0), "quickstart", "--help").status()).isZero();
        assertThat(Files.readAllLines(built)).hasSize(1);
        for (String command : List.of("quickstart", "local-stack")) {
            assertThat(launch(List.of(0), command).status()).isZero();
        }
        assertThat(root.resolve("lib/registry/quarkus-run.jar")).exists();
        Files.delete(root.resolve("lib/registry/quarkus-run.jar")); // half of it is left: it is fetched again
        try (ExecutorService two = Executors.newFixedThreadPool(2)) {
            Callable<Ended> start = () -> launch(List.of(0), "local-stack", "--kafka-port", "0");
            for (Future<Ended> each : two.invokeAll(List.of(start, start))) {
                assertThat(each.get().status()).isZero();
            }
        }
        assertThat(root.resolve("lib/registry/quarkus-run.jar")).exists();
        assertThat(root.resolve("lib/registry/registry.part")).doesNotExist();
        String pom = Files.readString(Path.of(System.getProperty("tidegrad.root"), "pom.xml"));
        String version = pom.replaceAll("(?s).*<apicurio.version>(.*)</apicurio.version>.*", "$1");
        assertThat(Files.readAllLines(built)).hasSize(3).last(InstanceOfAssertFactories.STRING)
                .contains("-Dartifact=io.apicurio:apicurio-registry-app:" + version + ":tar.gz:all");
    }

    /// @param check of the tree that is built, for the shell
    private void mavenThatPackages(String check) throws IOException {
        executable(directory.resolve("bin/mvn"), """
                #!/bin/sh
                %s || exit 1
                mkdir -p release/target/made/repository/io
                echo archive >release/target/tidegrad-0.1.0.tar.gz
                echo bill >release/target/sbom.json
                echo jar >release/target/made/repository/io/scorer.jar
                echo "$@" >>"${0%%/*}/../built"
                """.formatted(check));
    }

    @Test
    void aPackageIsOfTheSourcesAloneAndHasTheChecksumsOfAllItsFiles() throws Exception {
        mavenThatPackages("[ ! -e cli/target ]");
        Files.createDirectories(root.resolve("cli/target/classes"));
        assertThat(launch(List.of(), "package").status()).isZero();
        assertThat(built().getLast()).contains("-Pdistribution").endsWith(" package");
        Path made = root.resolve("target/package");
        assertThat(Files.readAllLines(made.resolve("SHA256SUMS"))).map(line -> line.split(" +")[1])
                .containsExactly("repository/io/scorer.jar", "sbom.json", "tidegrad-0.1.0.tar.gz");
        assertThat(new ProcessBuilder("sha256sum", "-c", "SHA256SUMS").directory(made.toFile())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor()).isZero();
    }

    @Test
    void aPackageOfACloneIsOfWhatGitKnowsAndNeedsAllOfIt() throws Exception {
        mavenThatPackages("[ -e 'a source' ] && [ ! -e notes ] && [ ! -e .git ]");
        Files.createFile(root.resolve("a source"));
        for (String git : List.of("init -q", "add .")) {
            assertThat(new ProcessBuilder(("git " + git).split(" ")).directory(root.toFile()).start().waitFor())
                    .isZero();
        }
        Files.createFile(root.resolve("notes"));
        Path ofOneThatRuns =
                Files.createDirectories(root.resolve("target/package-tree." + ProcessHandle.current().pid()));
        Path ofOneThatEnded = Files.createDirectories(root.resolve("target/package-tree.999999999"));
        Ended ended = launch(List.of(), "package");
        assertThat(ended.status()).as(ended.err()).isZero();
        assertThat(root.resolve("target/package/SHA256SUMS")).exists();
        assertThat(ofOneThatRuns).exists();
        assertThat(ofOneThatEnded).doesNotExist();

        Files.delete(root.resolve("a source"));
        Ended failed = launch(List.of(), "package");
        assertThat(failed.status()).isEqualTo(2);
        assertThat(failed.err()).contains("a source", "could not copy the sources");
    }

    private List<String> built() throws IOException {
        return Files.readAllLines(directory.resolve("built"));
    }

    private void reportsAreThere() throws IOException {
        Path report = root.resolve("proof/target/classes/io/tidegrad/proof/TestReport.class");
        Files.createDirectories(report.getParent());
        Files.createFile(report);
    }

    @Test
    void testRunsTheQuickTestsAndListsTheSlowest() throws Exception {
        reportsAreThere();
        assertThat(launch(List.of(0), "test").status()).isZero();
        assertThat(built()).hasSize(2);
        assertThat(built().getFirst()).contains("-Dmaven.test.skip=true", "package");
        assertThat(built().getLast()).contains("-Dtests.excluded=long,interop", "surefire-reports-quick", "verify");
        assertThat(asked().getFirst()).endsWith("io.tidegrad.proof.TestReport", root.toString(),
                "surefire-reports-quick");
    }

    @Test
    void testAllRunsTheQuickTestsFirstThenTheLongProofsAndNoTestInBoth() throws Exception {
        reportsAreThere();
        assertThat(launch(List.of(0, 0, 0), "test", "--all", "--interop").status()).isZero();
        assertThat(built()).hasSize(3);
        assertThat(built().get(1)).contains("-Dtests.excluded=long,none");
        assertThat(built().get(2)).contains("-Dtests.included=long", "-Dtests.excluded=none", "surefire-reports-long");
        assertThat(asked().get(1)).contains("surefire-reports-long");
        assertThat(asked().get(2)).contains("io.tidegrad.proof.ProofTable");
    }

    @Test
    void testStartsOneStackForAllTests() throws Exception {
        launch(List.of(0), "version"); // builds
        executable(directory.resolve("bin/mvn"),
                "#!/bin/sh\nuntil [ -s ../jdk/stack ]; do sleep 0.05; done\necho \"$@\" >>../built\n");
        assertThat(launch(List.of(0), "test").status()).isZero();
        assertThat(Files.readAllLines(jdk.resolve("stack"))).endsWith("local-stack", "--kafka-port", "0",
                "--registry-port", "0");
        assertThat(built().getLast()).contains("-Dtests.stack=" + root.resolve("target/test-stack"));
    }

    @Test
    void quickTestsThatFailAreListedAndNoLongProofIsBegun() throws Exception {
        reportsAreThere();
        launch(List.of(0), "version"); // builds
        Files.delete(jdk.resolve("asked"));
        executable(directory.resolve("bin/mvn"), "#!/bin/sh\necho \"$@\" >>../built\nexit 1\n");
        Ended ended = launch(List.of(0, 0, 0), "test", "--all");
        assertThat(ended.status()).isEqualTo(1);
        assertThat(ended.err()).contains("the quick tests failed");
        assertThat(built()).hasSize(2);
        assertThat(asked()).hasSize(1);
    }

    @Test
    void anOracleThatWasNotSeenToFailFailsTestAll() throws Exception {
        reportsAreThere();
        assertThat(launch(List.of(0, 0, 1), "test", "--all").status()).isEqualTo(1);
    }

    @Test
    void buildsOnceAndAgainWhenASourceIsNewer() throws Exception {
        launch(List.of(0), "version");
        launch(List.of(0), "version");
        Path built = directory.resolve("built");
        assertThat(built).content().hasLineCount(1);
        Files.createFile(root.resolve("cli/src/main/New.java"));
        assertThat(launch(List.of(0), "version").err()).contains("building what is stale");
        assertThat(built).content().hasLineCount(2);
    }
}
