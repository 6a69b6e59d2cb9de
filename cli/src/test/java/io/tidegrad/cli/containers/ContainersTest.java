package io.tidegrad.cli.containers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import io.kubernetes.client.openapi.models.V1ConfigMap;
import io.kubernetes.client.openapi.models.V1Deployment;
import io.kubernetes.client.openapi.models.V1NetworkPolicy;
import io.kubernetes.client.openapi.models.V1PodDisruptionBudget;
import io.kubernetes.client.openapi.models.V1Service;
import io.kubernetes.client.openapi.models.V1StatefulSet;
import io.tidegrad.joiner.app.JoinerConfig;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.trainer.TrainerConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.TestAbortedException;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/// The files of `docker`, checked without a container: by the schemas of those who read them, and by what Tidegrad takes.
class ContainersTest {
    private static final Path ROOT = Path.of(System.getProperty("tidegrad.root"));
    private static final Path DOCKER = ROOT.resolve("docker");
    private static final Path MONITORING = DOCKER.resolve("monitoring");
    private static final Path KUSTOMIZATION = DOCKER.resolve("kubernetes/kustomization.yaml");
    private static final Set<String> WATCHED = Set.of("trainer", "joiner", "scorer", "console");
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path directory;

    /// Reads a JSON form strictly: what the kind does not have is refused.
    @FunctionalInterface
    private interface Kind {
        void validate(JsonElement json) throws IOException;
    }

    private static final Map<String, Kind> KINDS = Map.of("ConfigMap", V1ConfigMap::validateJsonElement, "Service",
            V1Service::validateJsonElement, "StatefulSet", V1StatefulSet::validateJsonElement, "Deployment",
            V1Deployment::validateJsonElement, "PodDisruptionBudget", V1PodDisruptionBudget::validateJsonElement,
            "NetworkPolicy", V1NetworkPolicy::validateJsonElement);

    private static List<JsonNode> yaml(Path file) throws IOException {
        List<JsonNode> documents = new ArrayList<>();
        try (InputStream in = Files.newInputStream(file)) {
            for (Object document : new Load(LoadSettings.builder().setLabel(file.toString()).build())
                    .loadAllFromInputStream(in)) {
                documents.add(JSON.valueToTree(merged(document)));
            }
        }
        return documents;
    }

    /// Resolves `<<`, which compose knows and YAML 1.2 does not.
    private static Object merged(Object node) {
        return switch (node) {
            case Map<?, ?> map -> {
                Map<String, Object> whole = new LinkedHashMap<>();
                if (map.get("<<") instanceof Map<?, ?> base && merged(base) instanceof Map<?, ?> resolved) {
                    resolved.forEach((key, value) -> whole.put(key.toString(), value));
                }
                map.forEach((key, value) -> {
                    if (!key.equals("<<")) {
                        whole.put(key.toString(), value == null ? null : merged(value));
                    }
                });
                yield whole;
            }
            case List<?> list -> list.stream().map(ContainersTest::merged).toList();
            default -> node;
        };
    }

    private static List<Path> manifestFiles() throws IOException {
        try (Stream<Path> files = Files.list(KUSTOMIZATION.getParent())) {
            return files.filter(file -> !file.equals(KUSTOMIZATION)).sorted().toList();
        }
    }

    private static List<JsonNode> manifests() throws IOException {
        List<JsonNode> all = new ArrayList<>();
        for (Path file : manifestFiles()) {
            all.addAll(yaml(file));
        }
        return all;
    }

    private static JsonNode compose() throws IOException {
        return yaml(DOCKER.resolve("compose.yaml")).getFirst();
    }

    private static String name(JsonNode manifest) {
        return manifest.path("kind").asText() + " " + manifest.path("metadata").path("name").asText();
    }

    private static List<JsonNode> workloads() throws IOException {
        return manifests().stream().filter(each -> each.path("spec").has("template")).toList();
    }

    private static List<String> texts(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
    }

    /// Throws what the process would end with.
    private static void settingsAreTaken(List<String> arguments, Map<String, String> environment) {
        List<String> rest = arguments.subList(1, arguments.size());
        switch (arguments.getFirst()) {
            case "joiner" -> JoinerConfig.parse(rest, environment);
            case "trainer" -> TrainerConfig.parse(rest, environment);
            case "scorer" -> ScorerConfig.parse(rest, environment);
            default -> throw new IllegalArgumentException("no check for " + arguments);
        }
    }

    private static Map<String, String> environment(JsonNode map) {
        Map<String, String> environment = new HashMap<>(Map.of("TIDEGRAD_HTTP_HOST", "0.0.0.0"));
        map.properties().forEach(each -> environment.put(each.getKey(), each.getValue().asText()));
        return environment;
    }

    @Test
    void theImagesJvmHasTheOptionsOfTheLauncher() throws IOException {
        String options = Files.readString(DOCKER.resolve("java.options")).replace("--add-modules\n", "--add-modules=");
        assertThat(options.lines())
                .containsAll(ChildJvm.LAUNCHER_FLAGS.stream().filter(flag -> !flag.endsWith("GC")).toList());
        assertThat(DOCKER.resolve("Dockerfile")).content().contains("ENV JAVA_TOOL_OPTIONS=\"-XX:+UseSerialGC ");
        assertThat(options.lines()).contains("-Djdk.serialFilter=!*");
    }

    /// The image's JVM has the serial collector, which has to be switched off first; in the launcher it has not.
    @Test
    void joinersAndConsolesHaveTheCollectorOfTheLauncherAndJoinersGiveMemoryBack() throws IOException {
        String collector = String.join(" ", ChildJvm.SHORT_PAUSES);
        String launcher = Files.readString(ROOT.resolve("tidegrad"));
        assertThat(launcher)
                .containsPattern(
                        "joiner.* console.*\\) collector='\\Q" + collector.replace("-XX:-UseSerialGC ", "") + "\\E'")
                .containsPattern("joiner.*" + ChildJvm.TRIM_NATIVE_HEAP);
        JsonNode manifest = workloads().stream().filter(each -> name(each).equals("StatefulSet tidegrad-joiner"))
                .findFirst().orElseThrow();
        String joiner = manifest.at("/spec/template/spec/containers/0/env/0/value").asText();
        String demo = compose().at("/services/joiner/environment/JDK_JAVA_OPTIONS").asText();
        assertThat(List.of(joiner, demo))
                .allSatisfy(options -> assertThat(options).contains(collector).contains(ChildJvm.TRIM_NATIVE_HEAP));
        assertThat(compose().at("/services/console/environment/JDK_JAVA_OPTIONS").asText()).contains(collector);
        assertThat(Files.readString(ROOT.resolve("docs/operations/containers.md"))).contains(collector,
                ChildJvm.TRIM_NATIVE_HEAP);
    }

    @Test
    void kubernetesTakesEveryManifest() throws IOException {
        assertThat(manifests()).hasSizeGreaterThan(8).allSatisfy(manifest -> {
            Kind kind = Objects.requireNonNull(KINDS.get(manifest.path("kind").asText()), name(manifest));
            kind.validate(JsonParser.parseString(manifest.toString()));
            ((ObjectNode) manifest).put("misspelt", "x");
            assertThatThrownBy(() -> kind.validate(JsonParser.parseString(manifest.toString())))
                    .hasMessageContaining("misspelt");
        });
    }

    @Test
    void theKustomizationTakesEveryManifestAndSetsTheImageOfAllAndTheNumberOfScorers() throws IOException {
        JsonNode kustomization = yaml(KUSTOMIZATION).getFirst();
        assertThat(texts(kustomization.path("resources"))).containsExactlyInAnyOrderElementsOf(
                manifestFiles().stream().map(file -> file.getFileName().toString()).toList());
        JsonNode image = kustomization.at("/images/0");
        assertThat(workloads()).extracting(each -> each.at("/spec/template/spec/containers/0/image").asText())
                .containsOnly(image.path("name").asText() + ":" + image.path("newTag").asText());
        JsonNode scorers = kustomization.at("/replicas/0");
        assertThat(workloads()).extracting(ContainersTest::name)
                .contains("Deployment " + scorers.path("name").asText());
    }

    @Test
    void podsRunWithoutRightsOnAReadOnlyRoot() throws IOException {
        assertThat(workloads()).hasSizeGreaterThanOrEqualTo(3).allSatisfy(workload -> {
            JsonNode pod = workload.path("spec").path("template").path("spec");
            assertThat(pod.path("securityContext").path("runAsNonRoot").asBoolean()).isTrue();
            assertThat(pod.path("automountServiceAccountToken").asBoolean(true)).isFalse();
            // TIDEGRAD_SCORER_PORT of a service would be a setting that nobody knows.
            assertThat(pod.path("enableServiceLinks").asBoolean(true)).isFalse();
            assertThat(pod.path("terminationGracePeriodSeconds").asInt()).isGreaterThanOrEqualTo(30);
            JsonNode container = pod.path("containers").get(0);
            assertThat(container.path("securityContext").path("readOnlyRootFilesystem").asBoolean()).isTrue();
            assertThat(container.path("securityContext").path("allowPrivilegeEscalation").asBoolean(true)).isFalse();
            assertThat(container.path("resources").path("limits").has("memory")).isTrue();
            assertThat(container.path("readinessProbe").path("httpGet").path("path").asText()).startsWith("/health");
            assertThat(container.path("volumeMounts").findValuesAsText("mountPath")).contains("/tmp",
                    "/var/lib/tidegrad");
        });
    }

    @Test
    void aTrainersIdLivesOnAVolumeOfItsOwn() throws IOException {
        assertThat(workloads()).filteredOn(each -> each.path("kind").asText().equals("StatefulSet")).isNotEmpty()
                .allSatisfy(trainer -> {
                    JsonNode container = trainer.path("spec").path("template").path("spec").path("containers").get(0);
                    List<String> arguments = texts(container.path("args"));
                    String directory = arguments.get(arguments.indexOf("--state-dir") + 1);
                    String volume = StreamSupport.stream(container.path("volumeMounts").spliterator(), false)
                            .filter(mount -> mount.path("mountPath").asText().equals(directory)).findFirst()
                            .orElseThrow().path("name").asText();
                    assertThat(trainer.path("spec").path("volumeClaimTemplates").findValuesAsText("name"))
                            .contains(volume);
                });
    }

    @Test
    void selectorsChooseThePodsThatThereAre() throws IOException {
        List<JsonNode> labels = workloads().stream()
                .map(each -> each.path("spec").path("template").path("metadata").path("labels")).toList();
        for (JsonNode manifest : manifests()) {
            JsonNode spec = manifest.path("spec");
            JsonNode selector = switch (manifest.path("kind").asText()) {
                case "Service" -> spec.path("selector");
                case "NetworkPolicy" -> spec.path("podSelector").path("matchLabels");
                case "ConfigMap" -> JSON.createObjectNode();
                default -> spec.path("selector").path("matchLabels");
            };
            assertThat(labels).as(name(manifest)).anySatisfy(of -> selector.properties()
                    .forEach(each -> assertThat(of.path(each.getKey())).isEqualTo(each.getValue())));
        }
    }

    @Test
    void processesTakeTheSettingsOfTheManifests() throws IOException {
        JsonNode shared = manifests().stream().filter(each -> name(each).equals("ConfigMap tidegrad")).findFirst()
                .orElseThrow().path("data");
        for (JsonNode workload : workloads()) {
            JsonNode container = workload.path("spec").path("template").path("spec").path("containers").get(0);
            assertThat(container.path("envFrom").findValuesAsText("name")).contains("tidegrad");
            settingsAreTaken(texts(container.path("args")), environment(shared));
        }
    }

    @Test
    void theSpecOfTheManifestsIsTheOneThatShips() throws IOException {
        JsonNode specs = manifests().stream().filter(each -> name(each).equals("ConfigMap tidegrad-specs")).findFirst()
                .orElseThrow().path("data");
        assertThat(specs.path(ShippedStream.FLIGHTS.specFile()).asText()).isEqualTo(ShippedStream.FLIGHTS.spec());
    }

    /// The schema is the one of the Compose Specification, which `docker compose config` reads a file by.
    @Test
    void composeTakesItsFile() throws IOException {
        try (InputStream schema =
                Objects.requireNonNull(getClass().getResourceAsStream("/compose/compose-spec.json"))) {
            // Compose's durations (45s) are not those of JSON Schema (PT45S).
            var validator = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V7).getSchema(schema,
                    SchemaValidatorsConfig.builder().formatAssertionsEnabled(false).build());
            assertThat(validator.validate(compose())).isEmpty();
            JsonNode misspelt = compose();
            misspelt.withObject("/services/trainer").put("imagee", "x");
            assertThat(validator.validate(misspelt)).isNotEmpty();
        }
    }

    @Test
    void processesTakeTheSettingsOfComposeAndItsMountsExist() throws IOException {
        List<String> ours = new ArrayList<>();
        for (Map.Entry<String, JsonNode> service : compose().path("services").properties()) {
            for (String volume : texts(service.getValue().path("volumes"))) {
                if (volume.startsWith(".")) {
                    assertThat(DOCKER.resolve(volume.split(":", -1)[0])).exists();
                }
            }
            List<String> command = texts(service.getValue().path("command"));
            if (command.contains("--state-dir")) {
                ours.add(service.getKey());
                settingsAreTaken(command, environment(service.getValue().path("environment")));
                assertThat(service.getValue().path("read_only").asBoolean()).as(service.getKey()).isTrue();
            }
        }
        assertThat(ours).contains("trainer", "joiner", "scorer-1", "scorer-2");
    }

    @Test
    void prometheusScrapesEveryProcessOfComposeAsAJobOfItsKind() throws IOException {
        Map<String, List<String>> scraped = new HashMap<>();
        yaml(MONITORING.resolve("prometheus.yml")).getFirst().path("scrape_configs").forEach(job -> scraped
                .put(job.path("job_name").asText(), texts(job.path("static_configs").path(0).path("targets"))));
        Map<String, List<String>> processes = new HashMap<>();
        compose().path("services").properties().forEach(service -> {
            String program = service.getValue().path("command").path(0).asText();
            if (WATCHED.contains(program)) {
                processes.computeIfAbsent(program, kind -> new ArrayList<>()).add(service.getKey() + ":8080");
            }
        });
        assertThat(processes.keySet()).isEqualTo(WATCHED);
        assertThat(scraped).isEqualTo(processes);
    }

    @Test
    void everyAlarmIsSilentBeforeWhatItIsAboutAndSpeaksAfterIt() throws Exception {
        Set<String> alarms = Pattern.compile("alert: (\\w+)").matcher(monitoring("alerts.yml")).results()
                .map(each -> each.group(1)).collect(Collectors.toSet());
        assertThat(alarms).hasSizeGreaterThan(20);
        assertThat(Pattern.compile("alertname: (\\w+)").matcher(monitoring("alerts-test.yml")).results()
                .map(each -> each.group(1)).collect(Collectors.toSet())).isEqualTo(alarms);
        promtool("check", "config", "prometheus.yml");
        promtool("test", "rules", "alerts-test.yml");
    }

    private static String monitoring(String file) throws IOException {
        return Files.readString(MONITORING.resolve(file));
    }

    private void promtool(String... words) throws Exception {
        List<String> command = new ArrayList<>(List.of("promtool"));
        command.addAll(List.of(words));
        Path said = directory.resolve("promtool");
        Process process;
        try {
            process = new ProcessBuilder(command).directory(MONITORING.toFile()).redirectErrorStream(true)
                    .redirectOutput(said.toFile()).start();
        } catch (IOException e) {
            throw new TestAbortedException("no promtool, so the alarms were not tried: install the package promtool",
                    e);
        }
        assertThat(process.waitFor()).as(Files.readString(said)).isZero();
    }
}
