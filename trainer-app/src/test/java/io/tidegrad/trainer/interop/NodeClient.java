package io.tidegrad.trainer.interop;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

/// Confluent's Node client, installed by npm into a build directory, behind the script `interop.mjs` of this
/// module.
final class NodeClient {
    private final Path directory;
    private final String registryUrl;

    private NodeClient(Path directory, String registryUrl) {
        this.directory = directory;
        this.registryUrl = registryUrl;
    }

    /// Downloads the client unless `directory` has it already.
    static NodeClient install(Path directory, String registryUrl) throws Exception {
        Path scripts = Path.of(System.getProperty("tidegrad.root"), "trainer-app", "src", "test", "interop");
        Files.createDirectories(directory);
        for (String file : List.of("package.json", "interop.mjs")) {
            Files.copy(scripts.resolve(file), directory.resolve(file), StandardCopyOption.REPLACE_EXISTING);
        }
        if (!Files.isDirectory(directory.resolve("node_modules/@confluentinc/schemaregistry"))) {
            run(directory, "", List.of("npm", "install", "--no-audit", "--no-fund", "--no-package-lock"));
        }
        return new NodeClient(directory, registryUrl);
    }

    /// Values in Confluent wire format, as the client's serializer makes them.
    ///
    /// @param schemaAndRecords `{"schema": ..., "records": [...]}`
    List<byte[]> write(String topic, String schemaAndRecords) throws Exception {
        return script("write", topic, schemaAndRecords).lines().map(Base64.getDecoder()::decode).toList();
    }

    /// What the client's deserializer reads in the values, as JSON.
    List<String> read(String topic, byte[]... values) throws Exception {
        String lines = Arrays.stream(values).map(Base64.getEncoder()::encodeToString).collect(Collectors.joining("\n"));
        return script("read", topic, lines).lines().toList();
    }

    private String script(String command, String topic, String input) throws Exception {
        return run(directory, input, List.of("node", "interop.mjs", command, registryUrl, topic));
    }

    private static String run(Path directory, String input, List<String> command)
            throws IOException, InterruptedException {
        File in = File.createTempFile("interop", ".in", directory.toFile());
        Files.writeString(in.toPath(), input);
        Process process = new ProcessBuilder(new ArrayList<>(command)).directory(directory.toFile()).redirectInput(in)
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int status = process.waitFor();
        Files.delete(in.toPath());
        if (status != 0) {
            throw new AssertionError(command + " ended with status " + status + ": " + out);
        }
        return out;
    }
}
