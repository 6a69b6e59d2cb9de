package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest.GoldenRow;
import io.tidegrad.model.snapshot.SnapshotParts;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Forgery;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.TestBroker;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Snapshots that no trainer would write, on a real topic, by a producer that knows the formats. During each the last
/// good version answers over HTTP with its own bits, afterwards the reason is counted, and the next good version loads.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ForgedSnapshotTest {
    private static final long[] OFFSETS = {1, 12, 123};

    private final TestApp app = TestApp.start();
    private final RawHttp http = RawHttp.connect(app.port());
    private Served good = new Served(app.trainer);

    @AfterAll
    void close() {
        http.close();
        app.close();
    }

    /// Makes the next version bad.
    @FunctionalInterface
    interface Forge {
        List<SnapshotEntry> records(PublishedSnapshot next, String model);
    }

    private static Arguments row(String what, String reason, Forge forge) {
        return Arguments.of(what, reason, forge);
    }

    private static Arguments manifest(String what, String reason, Consumer<Forgery> forge) {
        return row(what, reason, (next, model) -> Forgery.manifest(next, forge));
    }

    private static Arguments part(String what, Function<byte[], byte[]> forge) {
        return row(what, "unreadable",
                (next, model) -> Forgery.withPart(next, 0, forge.apply(next.records().getFirst().value())));
    }

    private static Arguments manifestBytes(String what, Function<byte[], byte[]> forge) {
        return row(what, "unreadable",
                (next, model) -> Forgery.withManifest(next, forge.apply(next.manifest().encode())));
    }

    private static Plan plan(PublishedSnapshot snapshot) {
        return Plan.of(ModelSpec.parse(snapshot.manifest().specYaml(), "test").network());
    }

    private static Arguments weight(String what, String reason, float value) {
        return row(what, reason, (next, model) -> Forgery.weight(next, plan(next), Float.floatToRawIntBits(value)));
    }

    /// A spec of any size, with the fingerprints that it has.
    private static void respecify(Forgery forged, String from, String to) {
        assertThat(forged.specYaml).contains(from);
        forged.specYaml = forged.specYaml.replace(from, to);
        ModelSpec spec = ModelSpec.parse(forged.specYaml, "test");
        forged.specFingerprint = spec.fingerprint();
        forged.featureFingerprint = spec.featureFingerprint();
        forged.epoch++;
    }

    static Stream<Arguments> forgeries() {
        return Stream.of(
                // Weights.
                weight("NaN among the weights", "not-finite", Float.NaN),
                weight("an infinity among the weights", "not-finite", Float.NEGATIVE_INFINITY),
                weight("another weight", "weights-hash", 0.125f),
                manifest("another hash", "weights-hash", forged -> forged.weightsHash = "00".repeat(32)),
                manifest("another count of examples", "weights-hash", forged -> forged.examples++),
                // Golden rows.
                manifest("golden rows one bit off", "golden-rows", Forgery::nudgeGoldenRows),
                manifest("a golden row of another width", "golden-rows",
                        forged -> forged.goldenRows = List.of(new GoldenRow(new float[9], new int[0], new float[1]))),
                manifest("a golden row with an id beyond its table", "golden-rows",
                        ForgedSnapshotTest::idBeyondItsTable),
                manifest("17 golden rows", "unreadable",
                        forged -> forged.goldenRows = Collections.nCopies(17, forged.goldenRows.getFirst())),
                // Fingerprints.
                manifest("another spec fingerprint", "spec-changed", forged -> forged.specFingerprint = new byte[32]),
                manifest("another feature fingerprint", "features", forged -> forged.featureFingerprint = new byte[32]),
                manifest("another spec than its fingerprint says", "spec",
                        forged -> forged.specYaml = forged.specYaml.replace("seed: 42", "seed: 43")),
                manifest("a spec that is none", "spec", forged -> forged.specYaml = "model: [flights"),
                manifest("a spec of aliases of aliases", "spec", forged -> forged.specYaml = aliases()),
                manifest("a spec 10,000 deep", "spec", forged -> forged.specYaml = "model: " + "[".repeat(10_000)),
                manifest("a spec beyond 256 KiB", "unreadable", forged -> forged.specYaml += "#".repeat(256 * 1024)),
                manifest("another spec in this epoch", "spec-changed", forged -> {
                    respecify(forged, "seed: 42", "seed: 43");
                    forged.epoch--;
                }), manifest("another model's", "wrong-model", forged -> forged.model = "digits"),
                manifest("another build's numbers", "numerics", forged -> forged.numerics++),
                manifest("changes to a version", "unknown-parent", forged -> forged.parentVersion = 10),
                // Sizes.
                manifest("2^31 - 1 parts", "unreadable", forged -> forged.parts = Integer.MAX_VALUE),
                manifest("as many parts as there may be, none of them here", "unreadable",
                        forged -> forged.parts = 1 << 22),
                manifest("0 parts", "unreadable", forged -> forged.parts = 0),
                manifest("-1 parts", "unreadable", forged -> forged.parts = -1),
                manifest("-2^31 parts", "unreadable", forged -> forged.parts = Integer.MIN_VALUE),
                manifest("one part more", "unreadable", forged -> forged.parts++),
                manifest("2 TiB in as many parts as that needs", "incomplete", forged -> {
                    forged.parts = 1 << 22;
                    forged.servedBytes = (1L << 22) * 63 * 8192;
                }), manifest("2^63 - 1 bytes", "unreadable", forged -> forged.servedBytes = Long.MAX_VALUE),
                manifest("-1 bytes", "unreadable", forged -> forged.servedBytes = -1),
                manifest("fewer bytes than the spec needs", "unreadable", forged -> forged.servedBytes -= 4),
                row("a spec of 2^28 buckets", "too-large",
                        (next, model) -> ofItsEpoch(next, "buckets: 64", "buckets: 268435456")),
                row("a layer of 1,073,741,824 weights", "too-large",
                        (next, model) -> ofItsEpoch(next, "dense: 16", "dense: 65536, dense: 16384")),
                manifestBytes("a manifest cut in half",
                        value -> Forgery.sealed(Arrays.copyOf(value, value.length / 2), "")),
                manifestBytes("a manifest with bytes behind",
                        value -> Forgery.sealed(Arrays.copyOf(value, value.length + 8), "")),
                manifestBytes("a manifest of a million bytes",
                        value -> Forgery.sealed(Arrays.copyOf(value, 1_000_000), "")),
                manifestBytes("an empty manifest", value -> new byte[0]), part("an empty part", value -> new byte[0]),
                part("a part cut in half", value -> Arrays.copyOf(value, value.length / 2)),
                row("a part four bytes short that says so", "unreadable",
                        (next, model) -> Forgery.withPart(next, 0,
                                Forgery.resized(next.records().getFirst().value(), -4, model))),
                row("a part four bytes long that says so", "unreadable",
                        (next, model) -> Forgery.withPart(next, 0,
                                Forgery.resized(next.records().getFirst().value(), 4, model))),
                part("a part beyond 512 KiB", value -> Arrays.copyOf(value, 600_000)),
                // Bits and formats.
                part("a flipped bit in a part", value -> Forgery.flipped(value, 4L * value.length)),
                part("a flipped bit in a part's checksum", value -> Forgery.flipped(value, 8L * value.length - 1)),
                manifestBytes("a flipped bit in the manifest", value -> Forgery.flipped(value, 4L * value.length)),
                manifestBytes("a manifest of format 0", value -> Forgery.withFormat(value, 0, "")),
                manifestBytes("a manifest of format 4", value -> Forgery.withFormat(value, 4, "")),
                manifestBytes("a manifest of format -1", value -> Forgery.withFormat(value, -1, "")),
                row("a part of format 0", "unreadable",
                        (next, model) -> Forgery.withPart(next, 0,
                                Forgery.withFormat(next.records().getFirst().value(), 0, model))),
                row("a part of format 3", "unreadable",
                        (next, model) -> Forgery.withPart(next, 0,
                                Forgery.withFormat(next.records().getFirst().value(), 3, model))),
                row("another topic's part", "unreadable",
                        (next, model) -> Forgery.withPart(next, 0,
                                Forgery.sealed(next.records().getFirst().value(), "digits"))),
                row("a heartbeat that is none", "unreadable",
                        (next, model) -> List.of(new SnapshotEntry(SnapshotKey.HEARTBEAT.encode(), new byte[40]))),
                // Places.
                row("a missing part", "incomplete", (next, model) -> next.records().subList(1, next.records().size())),
                row("a key that is none", "unreadable",
                        (next, model) -> List
                                .of(new SnapshotEntry("hello".getBytes(StandardCharsets.UTF_8), new byte[3]))),
                row("no key", "unreadable", (next, model) -> List
                        .of(new SnapshotEntry(new byte[0], new byte[3]))),
                row("a part of number 2^31 - 1", "unreadable",
                        (next, model) -> List
                                .of(new SnapshotEntry(keyOfPart(Integer.MAX_VALUE),
                                        next.records().getFirst().value()))),
                row("parts of another epoch in their place", "unreadable",
                        (next, model) -> Forgery.withPart(next, 0, ofEpoch(next, model, 2))),
                row("parts of another epoch beside its manifest", "incomplete", (next,
                        model) -> List.of(new SnapshotEntry(SnapshotKey.part(2, next.manifest().version(), 0).encode(),
                                ofEpoch(next, model, 2)), next.records().getLast())),
                row("a manifest under another version's key", "unreadable", (next, model) -> {
                    List<SnapshotEntry> records = new ArrayList<>(next.records());
                    records.set(records.size() - 1, new SnapshotEntry(
                            SnapshotKey.manifest(1, next.manifest().version() + 1).encode(), next.manifest().encode()));
                    return records;
                }),
                row("a version going back", "not-newer",
                        (next, model) -> TestTrainer.of(model).learn(5).publish().records()),
                row("the served version once more", "not-newer", (next, model) -> TestTrainer.of(model)
                        .learn((int) next.manifest().version() - 10).publish().records()));
    }

    private static void idBeyondItsTable(Forgery forged) {
        GoldenRow row = forged.goldenRows.getFirst();
        int[] ids = row.ids().clone();
        ids[0] = Integer.MAX_VALUE;
        forged.goldenRows = List.of(new GoldenRow(row.numbers(), ids, row.predictions()));
    }

    /// A later epoch may bring another spec: what is wrong is only its size.
    private static List<SnapshotEntry> ofItsEpoch(PublishedSnapshot next, String from, String to) {
        List<SnapshotEntry> forged = Forgery.manifest(next, forgery -> respecify(forgery, from, to));
        byte[] manifest = forged.getLast().value();
        long version = next.manifest().version();
        return List.of(
                new SnapshotEntry(SnapshotKey.part(2, version, 0).encode(), ofEpoch(next, next.manifest().model(), 2)),
                new SnapshotEntry(SnapshotKey.manifest(2, version).encode(), manifest));
    }

    private static byte[] ofEpoch(PublishedSnapshot next, String model, int epoch) {
        Parameters parameters = Parameters.served(plan(next));
        SnapshotParts.decode(next.manifest(), List.of(next.records().getFirst().value()), parameters);
        return SnapshotParts.encode(parameters, model, epoch).getFirst();
    }

    private static byte[] keyOfPart(int part) {
        return ByteBuffer.allocate(SnapshotKey.BYTES).put((byte) 'P').putInt(1).putLong(1_000_000).putInt(part).array();
    }

    private static String aliases() {
        StringBuilder yaml = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int level = 1; level < 20; level++) {
            yaml.append("a" + level + ": &a" + level + " [");
            yaml.append(("*a" + (level - 1) + ", ").repeat(9)).append("*a" + (level - 1) + "]\n");
        }
        return yaml.toString();
    }

    @Order(1)
    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("forgeries")
    void isRefusedWhileTheLastGoodVersionServes(String what, String reason, Forge forge) {
        long refusedBefore = refused(reason);
        long admittedBefore = admissions().get("count").asLong();
        PublishedSnapshot next = app.trainer.learn(10).publish();
        app.publisher.publish(forge.records(next, app.flights));
        await("a refusal for " + reason, () -> {
            good.assertAnswers();
            return refused(reason) > refusedBefore;
        });
        good.assertAnswers();
        JsonNode admissions = admissions();
        assertThat(admissions.get("count").asLong()).isEqualTo(admittedBefore);
        assertThat(admissions.get("refused").get(reason).asLong()).isEqualTo(refused(reason));
        JsonNode last = admissions.get("last_refusal");
        // A part that is not taken leaves its version incomplete.
        assertThat(last.get("reason").asText()).isIn(reason, "incomplete");
        assertThat(last.get("message").asText()).isNotBlank().doesNotContain("Exception", "io.tidegrad");
        publishAndAwait();
    }

    @Order(2)
    @Test
    void anAbortedTransactionIsNothingAtAll() {
        long seenBefore = counted("snapshots_seen_total{model=\"" + app.flights + "\"}");
        Map<String, Long> before = Map.copyOf(allRefused());
        app.publisher.publishAborted(app.trainer.learn(10).publish());
        good.assertAnswers();
        publishAndAwait();
        assertThat(counted("snapshots_seen_total{model=\"" + app.flights + "\"}")).isEqualTo(seenBefore + 1);
        assertThat(allRefused()).isEqualTo(before);
    }

    /// All of the above lie before and behind the good ones: a start finds the newest of these.
    @Order(3)
    @Test
    void aScorerThatStartsAmongForgeriesServesTheNewestGoodVersion() throws InterruptedException {
        PublishedSnapshot next = app.trainer.learn(10).publish();
        String hash = app.trainer.model().weightsHash();
        app.publisher.publish(next);
        List<Arguments> forgeries = forgeries().toList();
        for (Arguments row : forgeries) {
            if (row.get()[1].equals("not-newer")) {
                continue; // good, but for what is served
            }
            Forge forge = (Forge) row.get()[2];
            app.publisher.publish(forge.records(app.trainer.learn(10).publish(), app.flights));
        }
        try (Scorer scorer = Scorer
                .open(ScorerOptions.of(app.flights, Map.of("bootstrap.servers", TestBroker.bootstrapServers())))) {
            assertThat(scorer.awaitReady(Duration.ofMinutes(1))).isTrue();
            assertThat(scorer.weightsHash()).isEqualTo(hash);
            assertThat(scorer.status().snapshotsLoaded()).isEqualTo(1);
        }
    }

    private void publishAndAwait() {
        app.publisher.publish(app.trainer.learn(10).publish());
        good = new Served(app.trainer);
        await("version " + good.version, () -> version() == good.version);
        good.assertAnswers();
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime() - end).as(what).isNegative();
        }
    }

    private Answer get(String path) {
        http.send(RawHttp.bytes("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"));
        Answer answer = http.answer();
        assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
        return answer;
    }

    private long version() {
        return get("/v1/models/" + app.flights).json().get("version").asLong();
    }

    private JsonNode admissions() {
        return get("/v1/models/" + app.flights + "/admissions?after=1000000").json();
    }

    private long counted(String series) {
        String metrics = get("/metrics").body();
        String name = "tidegrad_scorer_" + series + " ";
        int at = metrics.indexOf(name) + name.length();
        return (long) Double.parseDouble(metrics.substring(at, metrics.indexOf('\n', at)));
    }

    private long refused(String reason) {
        return counted("snapshots_refused_total{model=\"" + app.flights + "\",reason=\"" + reason + "\"}");
    }

    private Map<String, Long> allRefused() {
        Map<String, Long> refused = new TreeMap<>();
        admissions().get("refused").properties()
                .forEach(reason -> refused.put(reason.getKey(), reason.getValue().asLong()));
        return refused;
    }

    /// A version as the trainer knows it, to be found in HTTP's answers bit for bit.
    private final class Served {
        private final long version;
        private final String hash;
        private final float[] answers;

        Served(TestTrainer trainer) {
            version = trainer.model().parameters().updates();
            hash = trainer.model().weightsHash();
            answers = trainer.answers(OFFSETS);
        }

        void assertAnswers() {
            http.send(RawHttp.post("/v1/models/" + app.flights + "/score", "", Flights.records(OFFSETS)));
            Answer answer = http.answer();
            assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
            assertThat(answer.json().get("version").asLong()).isEqualTo(version);
            assertThat(Flights.answers(answer)).containsExactly(answers);
            assertThat(get("/v1/models/" + app.flights).json().get("weights_hash").asText()).isEqualTo(hash);
        }
    }
}
