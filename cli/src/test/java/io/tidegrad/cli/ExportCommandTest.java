package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.safetensors.SafetensorsEntry;
import io.tidegrad.model.safetensors.SafetensorsReader;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/// Snapshots on a real broker, written to files.
class ExportCommandTest {
    private final String model = "m" + UUID.randomUUID().toString().substring(0, 8);
    private final String bootstrap = SharedStack.get().bootstrapServers();
    private final TestTrainer trainer = TestTrainer.of(model);
    private final TestPublisher publisher = new TestPublisher(bootstrap, model);
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    Path directory;

    @BeforeEach
    void publish() {
        publisher.createTopic();
    }

    @AfterEach
    void close() {
        publisher.close();
    }

    private int export(String... more) {
        List<String> arguments = new ArrayList<>(List.of("export", "--bootstrap-servers", bootstrap));
        arguments.addAll(List.of("--model", model));
        arguments.addAll(List.of(more));
        CommandLine commandLine = Tidegrad.commandLine();
        commandLine.setOut(new PrintWriter(out, true));
        commandLine.setErr(new PrintWriter(err, true));
        return commandLine.execute(arguments.toArray(String[]::new));
    }

    @Test
    void theNewestVersionIsWrittenAsOnnx() throws Exception {
        publisher.publish(trainer.learn(20).publish());
        publisher.publish(trainer.learn(20).publish());
        Path file = directory.resolve("model.onnx");

        assertThat(export("--to", file.toString())).as(err.toString()).isZero();

        String hash = trainer.model().weightsHash();
        assertThat(out.toString().lines()).containsExactly(
                "model         " + model + ", version 1.40, 40 events learned", "weights-hash  " + hash,
                String.format(Locale.ROOT, "written       %s, %,d bytes", file, Files.size(file)),
                "input         numbers (batch, 1) float", "input         ids (batch, 4) int64",
                "output        predictions (batch, 1) float, probabilities");
        ModelProto onnx = ModelProto.parseFrom(Files.readAllBytes(file));
        assertThat(onnx.getMetadataPropsList().stream()
                .collect(Collectors.toMap(StringStringEntryProto::getKey, StringStringEntryProto::getValue)))
                .containsEntry("version", "40").containsEntry("weights-hash", hash)
                .containsEntry("spec", TestTrainer.spec(model, 16));
        assertThat(directory).isDirectoryNotContaining(path -> !path.equals(file));
    }

    @Test
    void anEarlierVersionIsWrittenAsSafetensors() throws Exception {
        publisher.publish(trainer.learn(20).publish());
        String hash = trainer.model().weightsHash();
        publisher.publish(trainer.learn(20).publish());
        Path file = directory.resolve("model.safetensors");

        assertThat(export("--to", file.toString(), "--version", "20")).as(err.toString()).isZero();

        assertThat(out.toString()).contains("version 1.20, 20 events learned", hash)
                .contains("tensors       0.0.1.statistics [3], 0.1.weight [25, 4], 0.2.weight [8, 4],"
                        + " 0.3.weight [64, 4], 0.4.weight [256, 4], 1.weight [16, 17], 1.bias [16],"
                        + " 3.weight [1, 16], 3.bias [1]");
        try (InputStream in = Files.newInputStream(file)) {
            SafetensorsReader reader = new SafetensorsReader(in, Files.size(file));
            assertThat(reader.metadata()).containsEntry("weights-hash", hash);
            assertThat(reader.entries()).extracting(SafetensorsEntry::name).hasSize(9);
        }
    }

    @Test
    void aSnapshotIsWrittenThatAScorerOpens() throws Exception {
        publisher.publish(trainer.learn(20).publish());
        Path file = directory.resolve("model.snapshot");

        assertThat(export("--to", file.toString())).as(err.toString()).isZero();

        assertThat(out.toString()).contains("holds         weights, statistics, spec and manifest;");
        try (Scorer scorer = Scorer.open(file)) {
            assertThat(scorer.weightsHash()).isEqualTo(trainer.model().weightsHash());
            assertThat(scorer.score(TestTrainer.event(3)).probabilities()).isEqualTo(trainer.answers(new long[]{3}));
        }
    }

    @Test
    void whatIsMissingIsSaid() {
        assertThat(export("--to", directory.resolve("m.onnx").toString())).isEqualTo(1);
        assertThat(err.toString()).isEqualToIgnoringNewLines("tidegrad: topic tidegrad.snapshots." + model
                + ": expected a snapshot of model " + model + ", found none yet");
        publisher.publish(trainer.learn(3).publish());
        assertThat(export("--to", directory.resolve("m.onnx").toString(), "--version", "2")).isEqualTo(1);
        assertThat(err.toString()).contains("found not version 2, but 1.3 (epoch.version)");
        assertThat(export("--to", directory.resolve("no/m.onnx").toString())).isEqualTo(1);
        assertThat(err.toString()).contains("expected a directory " + directory.resolve("no"));
        assertThat(export("--to", "model.pt")).isEqualTo(2);
        assertThat(err.toString())
                .contains("--to: expected a name that ends in .onnx or .safetensors or .snapshot, found model.pt");
        assertThat(directory).isEmptyDirectory();
    }
}
