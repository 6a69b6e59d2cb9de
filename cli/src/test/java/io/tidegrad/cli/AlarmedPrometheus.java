package io.tidegrad.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.localstack.Ports;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.opentest4j.TestAbortedException;

/// A real Prometheus with the configuration and the rules of `docker/monitoring`, in which only this is changed: whom
/// it scrapes, that it scrapes and judges every second, and that each minute of a rule is a second.
final class AlarmedPrometheus implements AutoCloseable {
    private static final Path SHIPPED = Path.of(System.getProperty("tidegrad.root"), "docker", "monitoring");
    private static final String PROGRAM = "prometheus";

    /// How long a rule waits (`for: 10m`), and how far it looks back (`[10m]`): all times that the file may have.
    private static final Pattern MINUTES = Pattern.compile("(for: |\\[)(\\d+)m\\b");

    private static final Pattern NOT_IN_SECONDS = Pattern.compile("(?:for: |\\[(?=\\d))(?!\\d+s\\b)[^\\s\\]]*");

    private final Process process;
    private final Path said;
    private final String url;
    private final HttpClient http = HttpClient.newHttpClient();

    /// An alarm, and some of its labels.
    record Alarm(String name, Map<String, String> labels) {
        /// @param labels name, value, name, value, …
        Alarm(String name, String... labels) {
            this(name, pairs(labels));
        }

        private static Map<String, String> pairs(String... words) {
            Map<String, String> pairs = new HashMap<>();
            for (int i = 0; i < words.length; i += 2) {
                pairs.put(words[i], words[i + 1]);
            }
            return Map.copyOf(pairs);
        }

        private boolean isIn(Map<String, String> all) {
            return name.equals(all.get("alertname")) && all.entrySet().containsAll(labels.entrySet());
        }
    }

    private AlarmedPrometheus(Process process, Path said, String url) {
        this.process = process;
        this.said = said;
        this.url = url;
    }

    /// The names of all alarms of the shipped file.
    static SortedSet<String> names() throws IOException {
        return Pattern.compile("alert: (\\w+)").matcher(shipped("alerts.yml")).results().map(each -> each.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static String shipped(String file) throws IOException {
        return Files.readString(SHIPPED.resolve(file));
    }

    /// @throws TestAbortedException there is no Prometheus on this machine
    static void requireProgram() throws Exception {
        try {
            Process version = new ProcessBuilder(PROGRAM, "--version").redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            version.waitFor();
        } catch (IOException e) {
            throw new TestAbortedException("no prometheus, so no alarm was fired: install the package " + PROGRAM, e);
        }
    }

    /// The rules with a second for each minute.
    static String shortened(String rules) {
        String shortened = MINUTES.matcher(rules).replaceAll("$1$2s");
        List<String> left = NOT_IN_SECONDS.matcher(shortened).results().map(found -> found.group()).toList();
        if (!left.isEmpty()) {
            throw new IllegalArgumentException("expected times in whole minutes, found " + left);
        }
        return shortened;
    }

    /// Starts it, and returns once it has scraped every one.
    ///
    /// @param instances by job, whom it scrapes
    static AlarmedPrometheus start(Path directory, Map<String, List<String>> instances) throws Exception {
        String configuration = shipped("prometheus.yml").replace("scrape_interval: 5s",
                "scrape_interval: 1s\n  evaluation_interval: 1s");
        for (Map.Entry<String, List<String>> job : instances.entrySet()) {
            String targets = job.getValue().stream().map(each -> '"' + each + '"').collect(Collectors.joining(", "));
            configuration = configuration.replaceAll("(job_name: " + job.getKey() + "\n.*\n.*targets: )\\[.*]",
                    "$1[" + targets + "]");
        }
        Path file = Files.writeString(directory.resolve("prometheus.yml"), configuration);
        Files.writeString(directory.resolve("alerts.yml"), shortened(shipped("alerts.yml")));
        int port = Ports.free();
        Path said = directory.resolve("prometheus.log");
        Process process = new ProcessBuilder(PROGRAM, "--config.file=" + file,
                "--storage.tsdb.path=" + directory.resolve("series"), "--web.listen-address=127.0.0.1:" + port,
                "--log.level=warn").redirectErrorStream(true).redirectOutput(said.toFile()).start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroy, "stop-prometheus"));
        AlarmedPrometheus started = new AlarmedPrometheus(process, said, "http://127.0.0.1:" + port + "/api/v1/");
        try {
            int all = instances.values().stream().mapToInt(List::size).sum();
            Awaitility.await().atMost(Readings.PATIENCE.multipliedBy(3))
                    .until(() -> started.isUp() && started.scraped() == all);
            return started;
        } catch (RuntimeException e) {
            started.close();
            throw e;
        }
    }

    private boolean isUp() throws IOException {
        if (!process.isAlive()) {
            throw new IllegalStateException("prometheus has ended: " + Files.readString(said));
        }
        try {
            return http.send(HttpRequest.newBuilder(URI.create(url + "rules")).build(),
                    HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException notYet) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private int scraped() {
        return query("max_over_time(up[1h]) == 1").size();
    }

    private JsonNode get(String path) {
        try {
            String body =
                    http.send(HttpRequest.newBuilder(URI.create(url + path)).timeout(Duration.ofSeconds(20)).build(),
                            HttpResponse.BodyHandlers.ofString()).body();
            JsonNode answer = new ObjectMapper().readTree(body);
            if (!answer.path("status").asText().equals("success")) {
                throw new IllegalStateException(path + ": " + body);
            }
            return answer.path("data");
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /// What it answers to a question now, series by series.
    private List<String> query(String question) {
        List<String> series = new ArrayList<>();
        get("query?query=" + URLEncoder.encode(question, StandardCharsets.UTF_8)).path("result")
                .forEach(each -> series.add(each.toString()));
        return series;
    }

    /// The labels of the alarms that fire now.
    private List<Map<String, String>> firing() {
        List<Map<String, String>> firing = new ArrayList<>();
        for (JsonNode alarm : get("alerts").path("alerts")) {
            if (alarm.path("state").asText().equals("firing")) {
                Map<String, String> labels = new HashMap<>();
                alarm.path("labels").properties()
                        .forEach(label -> labels.put(label.getKey(), label.getValue().asText()));
                firing.add(labels);
            }
        }
        return firing;
    }

    /// The alarms that fire now, for people.
    List<String> told() {
        return firing().stream().map(Map::toString).sorted().toList();
    }

    boolean fires(Alarm alarm) {
        return firing().stream().anyMatch(alarm::isIn);
    }

    /// The numbers that it answers to a question now, without those that are not known.
    List<Double> numbers(String question) {
        List<Double> numbers = new ArrayList<>();
        get("query?query=" + URLEncoder.encode(question, StandardCharsets.UTF_8)).path("result")
                .forEach(each -> numbers.add(number(each.path("value").path(1).asText())));
        numbers.removeIf(number -> number.isNaN());
        return numbers;
    }

    /// As Prometheus writes it.
    private static double number(String text) {
        return text.equals("+Inf") ? Double.POSITIVE_INFINITY
                : text.equals("-Inf") ? Double.NEGATIVE_INFINITY : Double.parseDouble(text);
    }

    /// Whether it has fired since Prometheus began, for however short.
    boolean hasFired(Alarm alarm) {
        String labels = alarm.labels().entrySet().stream().map(each -> each.getKey() + "=\"" + each.getValue() + '"')
                .collect(Collectors.joining(","));
        return !everFiring("alertname=\"" + alarm.name() + "\"," + labels).isEmpty();
    }

    /// The alarms with these labels that have fired since Prometheus began.
    ///
    /// @param labels as in a query
    List<String> everFiring(String labels) {
        return query("count_over_time(ALERTS{alertstate=\"firing\"," + labels + "}[1h])");
    }

    @Override
    public void close() {
        http.close();
        process.destroy();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
