package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class SpecCommandTest {
    private static final String DIGITS = """
            model: digits
            input: { topic: digits }
            label: { field: digit }
            features: [ pixels: { field: image, width: 28, height: 28 } ]
            network: [ reshape: [1, 28, 28], conv2d: { channels: 8, kernel: 3 }, relu, max-pool: 2, flatten, dense: 10 ]
            loss: categorical-cross-entropy
            optimizer: adam
            """;

    @TempDir
    private Path folder = Path.of("");

    private record Run(int status, String out, String err) {
    }

    private Run run(String spec, String... options) throws IOException {
        Path file = Files.writeString(folder.resolve("spec.yaml"), spec);
        String[] arguments = new String[2 + options.length];
        arguments[0] = "spec";
        arguments[1] = file.toString();
        System.arraycopy(options, 0, arguments, 2, options.length);
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine commandLine =
                Tidegrad.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err, true));
        return new Run(commandLine.execute(arguments), out.toString(), err.toString());
    }

    @Test
    void aSpecIsToldLayerByLayer() throws IOException {
        Run run = run(DIGITS);
        assertThat(run.status()).isZero();
        assertThat(run.out()).containsPattern("\\[1] +conv2d: \\{channels: 8, kernel: 3} +\\(8, 26, 26\\) +80\n")
                .containsPattern("\\[5] +dense: 10 +a vector of 10 +13,530\n").contains("weights      13,610\n")
                .containsPattern("fingerprint  [0-9a-f]{64}\n");
    }

    @Test
    void asJsonItAddsUp() throws IOException {
        Run run = run(DIGITS, "--json");
        assertThat(run.status()).isZero();
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertThat(json.get("weights").asLong()).isEqualTo(13_610);
        assertThat(json.get("steps").asInt()).isEqualTo(1);
        assertThat(json.get("outputs").asInt()).isEqualTo(10);
        assertThat(json.get("network")).hasSize(7);
        assertThat(json.get("network").get(2).get("output").toString()).isEqualTo("[8,26,26]");
        JsonNode bytes = json.get("memory_bytes");
        assertThat(bytes.get("optimizer_state").asLong()).isEqualTo(2 * bytes.get("weights").asLong());
        long sum = 0;
        for (String part : new String[]{"weights", "optimizer_state", "gradients", "workspace", "batch", "warm_up"}) {
            sum += bytes.get(part).asLong();
        }
        assertThat(bytes.get("total").asLong()).isEqualTo(sum);
    }

    @Test
    void everyMistakeIsToldAndTheStatusIsTwo() throws IOException {
        Run run = run(DIGITS.replace("kernel: 3", "kernel: 30").replace("adam", "adm"));
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).contains("2 mistakes")
                .contains(
                        "line 5, column 34: network[1]: conv2d: expected an image that the kernel of 30 x 30 fits into")
                .contains("line 7");
        assertThat(run.out()).isEmpty();
    }

    @Test
    void aModelBeyondTheHeapIsRefusedBeforeItIsAllocated() throws IOException {
        Run run = run(DIGITS
                .replace("features: [ ", "features: [ category: { field: user, buckets: 268435456, dimension: 1024 }, ")
                .replace(
                        "network: [ reshape: [1, 28, 28], conv2d: { channels: 8, kernel: 3 }, relu, max-pool: 2, flatten, ",
                        "network: [ "));
        assertThat(run.status()).isEqualTo(2);
        assertThat(run.err()).contains("expected a heap of more than 3.0 TiB, found one of at most")
                .contains("model digits: 3.0 TiB (weights 1.0 TiB, optimizer state 2.0 TiB");
    }
}
