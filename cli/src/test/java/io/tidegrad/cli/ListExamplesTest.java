package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.scorerapp.ScorerApp;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.sound.sampled.AudioFileFormat;
import javax.sound.sampled.AudioFormat;
import javax.sound.sampled.AudioInputStream;
import javax.sound.sampled.AudioSystem;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The models of `docs/examples` whose events and labels are pictures, sounds and texts: their specs are read, and
/// `Lists.java` makes events of files like those that the pages name, lets a trainer learn them, and asks a scorer.
class ListExamplesTest {
    private static final Path EXAMPLES = Path.of(System.getProperty("tidegrad.root"), "docs/examples");
    private static final List<String> LISTS =
            List.of("spoken-digits", "spoken-numbers", "next-character", "translation");

    @TempDir
    private Path directory = Path.of("");

    private final Random random = new Random(1);

    /// A line of what `learn` prints: the means over a tenth of the events.
    private record Tenth(long learned, double loss, double prior, double accuracy) {
        static List<Tenth> of(String printed) {
            return printed.lines().map(line -> line.strip().replace(",", "").split(" +"))
                    .filter(words -> words.length == 5 && words[0].matches("\\d+"))
                    .map(words -> new Tenth(Long.parseLong(words[0]), Double.parseDouble(words[1]),
                            Double.parseDouble(words[2]), Double.parseDouble(words[3])))
                    .toList();
        }
    }

    private static String spec(String example) throws IOException {
        return Files.readString(EXAMPLES.resolve(example).resolve("model.yaml"));
    }

    @Test
    void everyExampleHasASoundModelOfItsNameAndAPageThatRunsIt() throws IOException {
        for (String example : Stream.concat(Stream.of("digits"), LISTS.stream()).toList()) {
            ModelSpec spec = ModelSpec.parse(spec(example), example + "/model.yaml");
            assertThat(spec.model()).isEqualTo(example);
            assertThat(spec.inputTopic()).isEqualTo(example);
            assertThat(EXAMPLES.resolve(example).resolve("README.md")).content()
                    .contains("docs/examples/run " + example);
        }
    }

    /// A line a clip: each digit has a sound of its own, in some noise.
    private Path clips() throws IOException {
        List<String> lines = new ArrayList<>(List.of("names of columns"));
        for (int clip = 0; clip < 700; clip++) {
            int digit = random.nextInt(10);
            lines.add(IntStream.range(0, 260)
                    .mapToObj(i -> said("%.3f", (i + 7 * digit) % 13 + (i / 13 + digit) % 20 + random.nextGaussian()))
                    .collect(Collectors.joining(",")) + ",someone," + digit);
        }
        return Files.write(directory.resolve("clips.csv"), lines);
    }

    /// A file a clip: each digit is a tone of its own, for 300 ms or longer, in some noise.
    private Path recordings() throws IOException {
        Path folder = Files.createDirectory(directory.resolve("recordings"));
        for (int clip = 0; clip < 700; clip++) {
            int digit = random.nextInt(10);
            int samples = 2_400 + random.nextInt(1_600);
            ByteBuffer sound = ByteBuffer.allocate(Short.BYTES * samples).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < samples; i++) {
                sound.putShort((short) (8_000 * Math.sin(0.1 * (digit + 2) * i) + 800 * random.nextGaussian()));
            }
            AudioSystem.write(
                    new AudioInputStream(new ByteArrayInputStream(sound.array()),
                            new AudioFormat(8_000, 16, 1, true, false), samples),
                    AudioFileFormat.Type.WAVE, folder.resolve(digit + "_someone_" + clip + ".wav").toFile());
        }
        return folder;
    }

    private static String said(String format, Object... arguments) {
        return String.format(Locale.ROOT, format, arguments);
    }

    private Path text() throws IOException {
        List<String> words = List.of("to", "be", "or", "not", "that", "is", "the", "question");
        return Files.write(directory.resolve("text.txt"), IntStream.range(0, 500).mapToObj(
                i -> Collections.nCopies(5, words.get(random.nextInt(8))).stream().collect(Collectors.joining(" ")))
                .toList());
    }

    /// Word for word, which is easier than French.
    private Path pairs() throws IOException {
        return Files.write(directory.resolve("pairs.jsonl"), IntStream.range(0, 155).mapToObj(i -> {
            List<Integer> nouns = random.ints(3, 0, 9).boxed().toList();
            return "{\"src\": \"%s.\", \"tgt\": \"%s.\"}".formatted(
                    nouns.stream().map(n -> "Word" + n).collect(Collectors.joining(" ")),
                    nouns.stream().map(n -> "mot" + n).collect(Collectors.joining(" ")));
        }).toList());
    }

    private Path compiled() {
        Path classes = directory.resolve("classes");
        assertThat(ToolProvider.getSystemJavaCompiler().run(null, null, null, "-proc:none", "-d", classes.toString(),
                "-cp", System.getProperty("java.class.path"), EXAMPLES.resolve("Lists.java").toString())).isZero();
        return classes;
    }

    /// The program, in a process of its own, as for who reads a page.
    private record Lists(Path classes, Map<String, Path> files, Map<String, String> environment) {
        String run(String command, String example) throws IOException, InterruptedException {
            Path out = classes.resolveSibling(command + "-" + example + ".out");
            ProcessBuilder builder =
                    new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx256m",
                            "-cp", classes + ":" + System.getProperty("java.class.path"), "Lists", command, example,
                            Objects.requireNonNull(files.get(example)).toString()).redirectErrorStream(true)
                            .redirectOutput(out.toFile());
            builder.environment().putAll(environment);
            Process process = builder.start();
            try {
                boolean ended = process.waitFor(Readings.PATIENCE.multipliedBy(2).toSeconds(), TimeUnit.SECONDS);
                assertThat(ended && process.exitValue() == 0).as("%s %s%n%s", command, example, Files.readString(out))
                        .isTrue();
                return Files.readString(out);
            } finally {
                process.destroyForcibly();
            }
        }
    }

    @LongProof("a trainer and a scorer of four models, and eight JVMs that send and ask")
    @Test
    void whatTheProgramMakesOfFilesIsLearnedAndWhatItAsksIsAnswered() throws Exception {
        Map<String, Path> files = Map.of("spoken-digits", recordings(), "spoken-numbers", clips(), "next-character",
                text(), "translation", pairs());
        Path classes = compiled();
        try (Readings readings = new Readings()) {
            List<String> specs = new ArrayList<>();
            List<String> models = new ArrayList<>(List.of("--bootstrap-servers", readings.bootstrap, "--prefix",
                    "p" + readings.id, "--http-port", "0"));
            for (String example : LISTS) {
                specs.addAll(List.of("--spec", EXAMPLES.resolve(example).resolve("model.yaml").toString()));
                models.addAll(List.of("--model", example));
                EventsTopic.create(readings.bootstrap, example);
            }
            try (TrainerApp trainer = readings.trainer(directory, specs.toArray(String[]::new));
                    ScorerApp scorer = ScorerApp.start(ScorerConfig.parse(models, Map.of()), InstantSource.system())) {
                Lists lists = new Lists(classes, files,
                        Map.of("TIDEGRAD_BOOTSTRAP_SERVERS", readings.bootstrap, "TRAINER_URL",
                                "http://127.0.0.1:" + trainer.httpPort(), "SCORER_URL",
                                "http://127.0.0.1:" + scorer.port()));
                for (String example : LISTS) {
                    String printed = lists.run("learn", example);
                    List<Tenth> tenths = Tenth.of(printed);
                    assertThat(tenths).as(printed).hasSize(10);
                    assertThat(tenths.getLast().loss()).as(printed).isLessThan(0.8 * tenths.getFirst().loss());
                    if (!example.equals("spoken-numbers")) { // CTC has no prior
                        assertThat(tenths.getLast().loss()).as(printed).isLessThan(tenths.getLast().prior());
                    }
                    assertThat(printed).contains("weights-hash " + scorer.scorer(example).weightsHash());
                    meansAddUp(example, tenths, trainer);
                }
                assertThat(right(lists.run("ask", "spoken-digits"), "(\\d+) of 300 clips")).isGreaterThan(150);
                assertThat(lists.run("ask", "spoken-numbers"))
                        .containsPattern("(?m)^said \\[\\d, \\d, \\d], heard \\[.*]$")
                        .containsPattern("\\d+ of 100 numbers are right");
                assertThat(lists.run("ask", "next-character").strip()).hasSizeBetween(300, 399).matches("[a-z \n]+");
                assertThat(lists.run("ask", "translation").lines()).hasSize(25)
                        .filteredOn(line -> line.startsWith("  model ")).hasSize(10);
            }
        }
    }

    private static int right(String printed, String pattern) {
        Matcher right = Pattern.compile(pattern).matcher(printed);
        assertThat(right.find()).as(printed).isTrue();
        return Integer.parseInt(right.group(1));
    }

    /// The tenths, weighted, are what the trainer reports of all events; only rows whose labels count one each are looked at.
    private static void meansAddUp(String example, List<Tenth> tenths, TrainerApp trainer) {
        if (!example.startsWith("spoken")) {
            return;
        }
        double sum = 0;
        long learned = 0;
        for (Tenth tenth : tenths) {
            sum += tenth.loss() * (tenth.learned() - learned);
            learned = tenth.learned();
        }
        CommittedState state = Readings.awaitLearned(trainer, example, 1, at -> true);
        assertThat(sum / learned).isCloseTo(Objects.requireNonNull(state.report()).logLoss(), within(1e-4));
    }

    @LongProof("a trainer")
    @Test
    void theDigitsThatShipAreToldApartByTheirConvolutions() throws Exception {
        int sent = 1_000;
        try (Readings readings = new Readings();
                SchemaRegistry registry =
                        SchemaRegistry.connect(Map.of("schema.registry.url", SharedStack.get().registryUrl()))) {
            int schema = registry.register(readings.topic + "-value", ShippedStream.DIGITS.schema());
            AvroCodec codec = new AvroCodec(registry);
            readings.send(ShippedStream.DIGITS.read().stream().limit(sent)
                    .map(digit -> codec.encode(schema, digit.toAvro(ShippedStream.DIGITS.schema()))).toList());
            Path spec = Files.writeString(directory.resolve("digits.yaml"),
                    spec("digits").replace("topic: digits", "topic: " + readings.topic));
            try (TrainerApp trainer = readings.trainer(directory, "--spec", spec.toString())) {
                Report report =
                        Objects.requireNonNull(Readings.awaitLearned(trainer, "digits", 1, (long) sent).report());
                assertThat(report.logLoss()).isLessThan(0.6 * report.priorLogLoss());
                assertThat(report.accuracy()).isGreaterThan(0.6);
            }
        }
    }
}
