package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.schemas.SchemaRegistry;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
        return command(arguments);
    }

    private static Run command(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int status = Tidegrad.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(arguments);
        return new Run(status, out.toString(), err.toString());
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
        for (String part : List.of("weights", "optimizer_state", "gradients", "workspace", "batch", "backlog",
                "comparing", "inspecting", "warm_up")) {
            sum += bytes.get(part).asLong();
        }
        assertThat(bytes.get("total").asLong()).isEqualTo(sum);
        assertThat(bytes.get("backlog").asLong()).isBetween(256L * 785 * Float.BYTES, 3L << 20); // 256 rows ahead
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

    @Test
    void suggestSaysWhatIsMissingAndPrintsASpecThatBacktestAndCheckTake() throws IOException {
        Run none = command("spec", "suggest");
        assertThat(none.status()).isEqualTo(2);
        assertThat(none.err()).contains("--topic: expected a value, found none; or give --data",
                "--registry-url: expected", "--bootstrap-servers: expected");
        assertThat(command("spec", "suggest", "--data", "a.csv", "--topic", "t").err())
                .contains("--data, --topic: expected one of them, found both");
        StringBuilder csv = new StringBuilder("x,y\n");
        for (int i = 0; i < 100; i++) {
            csv.append(13 * i % 29).append(',').append(i % 3 == 0 ? 1 : 0).append('\n');
        }
        String data = Files.writeString(folder.resolve("events.csv"), csv).toString();
        Run suggested = command("spec", "suggest", "--data", data);
        assertThat(suggested.status()).as(suggested.err()).isZero();
        Path spec = Files.writeString(folder.resolve("suggested.yaml"), suggested.out());
        assertThat(command("spec", spec.toString()).status()).isZero();
        Run backtest = command("backtest", "--spec", spec.toString(), "--data", data);
        assertThat(backtest.status()).as(backtest.err()).isZero();
        assertThat(backtest.out()).contains("100 = 100 learned + 0 pending + 0 rejected");
    }

    /// A registry that another stack would have, too.
    @Test
    void checkTellsEachFieldAndTypeThatTheSchemasOfATopicLackAndALabelThatTheLossCanNotTake() throws IOException {
        String url = SharedStack.get().registryUrl();
        String topic = "checked-" + UUID.randomUUID();
        Path spec = Files.writeString(folder.resolve("spec.yaml"), """
                model: checked
                input: { topic: elsewhere }
                label: { field: over }
                features: [ number: { field: amount }, category: { field: place, buckets: 16, dimension: 2 } ]
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: adam
                """);
        String[] check = {"spec", "check", "--spec", spec.toString(), "--topic", topic, "--registry-url", url};
        Run none = command(check);
        assertThat(none.status()).as(none.err()).isZero();
        assertThat(none.out()).contains("no schema of the topic is registered yet");
        String fields = "{\"type\": \"record\", \"name\": \"E\", \"fields\": [{\"name\": \"over\", \"type\": \"%s\"},"
                + " {\"name\": \"%s\", \"type\": \"%s\"}, {\"name\": \"place\", \"type\": \"string\"}]}";
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", url))) {
            registry.register(topic + "-value",
                    new Schema.Parser().parse(fields.formatted("string", "amounts", "int")));
            Run wrong = command(check);
            assertThat(wrong.status()).isEqualTo(2);
            assertThat(wrong.err()).contains("field 'amount': expected one of E", "did you mean 'amounts'?",
                    "field 'over': expected a number of E");
        }
        String other = topic + "-2";
        check[5] = other;
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", url))) {
            registry.register(other + "-value",
                    new Schema.Parser().parse(fields.formatted("boolean", "amount", "int")));
        }
        Run right = command(check);
        assertThat(right.status()).as(right.err()).isZero();
        assertThat(right.out()).contains("in every version of the topic's schema, with types that fit",
                "amount, place, over");
    }
}
