package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Asker;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.Ports;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// A real scorer in a process of its own, which is asked twenty times a second. After its first good answer it must
/// answer every valid request, with versions that never go back.
final class ScorerUnderTest implements AutoCloseable {
    private static final Duration BETWEEN = Duration.ofMillis(50);
    static final String RECORD = "{\"place\": \"p1\", \"a\": 0.5, \"b\": 0.25}";

    private final String model;
    private final int port;
    private final ChildJvm child;
    private final Asker asker;

    // Guarded by this.
    private final Set<Served> served = new TreeSet<>();
    private final List<Violation> violations = new ArrayList<>();
    private Served newest = new Served(0, -1, -1);

    /// A version that answered.
    record Served(int epoch, long version, long nextOffset) implements Comparable<Served> {
        @Override
        public int compareTo(Served other) {
            int epochs = Integer.compare(epoch, other.epoch);
            return epochs != 0 ? epochs : Long.compare(version, other.version);
        }
    }

    /// @param within see [ChildJvm#run]
    ScorerUnderTest(String model, String prefix, String bootstrapServers, Path files, List<String> jvmFlags,
            List<String> within) {
        this.model = model;
        port = Ports.free();
        child = Processes.start(within, "scorer", jvmFlags,
                Processes.scorer(bootstrapServers, model, port, List.of("--prefix", prefix)), files);
        asker = new Asker(port, model, RECORD, BETWEEN, this::take);
    }

    private synchronized void take(int status, String body) throws JsonProcessingException {
        if (status != 200) {
            violations.add(new Violation("I16",
                    "expected every valid request answered once a version serves, found " + status + " " + body));
            return;
        }
        JsonNode answer = Json.parse(body);
        Served now = new Served(answer.path("epoch").asInt(), answer.path("version").asLong(),
                answer.path("offset").asLong());
        if (now.compareTo(newest) < 0) {
            violations.add(
                    new Violation("I14", "expected the scorer's answers at or above " + newest + ", found " + now));
        }
        newest = now;
        served.add(now);
    }

    /// The number of requests with a good answer.
    long answers() {
        return asker.answers();
    }

    synchronized long servedVersion() {
        return newest.version();
    }

    /// Waits until a version beyond answers.
    ///
    /// @throws LoadTestException none does within `bound`
    void awaitVersion(long beyond, Duration bound) throws InterruptedException {
        Await.until("a version beyond " + beyond, bound, () -> servedVersion() > beyond);
    }

    /// What its `/health` says of the model.
    JsonNode health() throws InterruptedException {
        try (Json http = new Json()) {
            return Processes.health(http, port, model);
        }
    }

    /// The number of lines in its log.
    long logged() {
        return child.linesWith("");
    }

    /// Every version that has answered so far.
    synchronized List<Served> served() {
        return List.copyOf(served);
    }

    /// The violations found since the last call.
    synchronized List<Violation> takeViolations() {
        asker.requireHealthy();
        List<Violation> found = new ArrayList<>(violations);
        violations.clear();
        if (!child.isAlive()) {
            found.add(new Violation("I16", "expected the scorer running, found: " + child.logTail()));
        }
        return found;
    }

    @Override
    public void close() {
        asker.close();
        child.close();
    }
}
