package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.verify.Arrival;
import io.tidegrad.joiner.verify.BruteForceJoin;
import io.tidegrad.model.evaluation.ServedEvaluation;
import io.tidegrad.model.feature.EventReader;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.model.stream.Served;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The whole topology on Streams' own driver, with one partition. Times are seconds; `wait` is 30, `window` 100.
class JoinerTopologyTest {
    private static final String SPEC = """
            stream: payments
            events: { topic: payments, key: id, event-time: time, format: json }
            labels: { topic: chargebacks, key: id, value: fraud, event-time: time, retract: withdrawn, format: json }
            join: { wait: PT30S, missing: 0, window: PT100S }
            """;
    private static final long NOW = 1_795_000_000_000L;

    @TempDir
    Path directory;

    private final JoinCounts counts = new JoinCounts();
    private final StreamTime time = new StreamTime();
    private final Map<Position, Content> log = new HashMap<>();
    private @Nullable Driven driven;
    private long eventOffset;

    private record Driven(TopologyTestDriver driver, TestInputTopic<byte[], byte[]> events,
            TestInputTopic<byte[], byte[]> labels, TestOutputTopic<byte[], byte[]> examples,
            TestOutputTopic<byte[], byte[]> deadLetters) {
    }

    private Driven driven() {
        return Objects.requireNonNull(driven, "start comes first");
    }

    private TopologyTestDriver driver() {
        return driven().driver();
    }

    private StreamSpec start(String yaml) {
        StreamSpec spec = StreamSpec.parse(yaml, "spec");
        EventLookup lookup = new EventLookup() {
            @Override
            public void read(List<Position> places, Found to) {
                for (int i = 0; i < places.size(); i++) {
                    to.at(i, log.get(places.get(i)));
                }
            }

            @Override
            public void close() {}
        };
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
        settings.put(StreamsConfig.STATE_DIR_CONFIG, directory.toString());
        settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedRocksDb.class);
        TopologyTestDriver driver = new TopologyTestDriver(JoinerTopology.of(new JoinerTopology.Parts(spec, "examples",
                "dead-letters", new JoinDeadLetters(spec.stream(), 1, 1_000_000), 1, 1, TextEvents::decoder,
                Duration.ofSeconds(1), () -> lookup, counts, time, Duration.ofMillis(100),
                new Alignment(spec.align()))), settings);
        ByteArraySerializer to = new ByteArraySerializer();
        ByteArrayDeserializer from = new ByteArrayDeserializer();
        driven = new Driven(driver, driver.createInputTopic("payments", to, to),
                driver.createInputTopic("chargebacks", to, to), driver.createOutputTopic("examples", from, from),
                driver.createOutputTopic("dead-letters", from, from));
        return spec;
    }

    @AfterEach
    void close() {
        if (driven != null) {
            driven.driver().close();
        }
    }

    private static byte @Nullable [] bytes(@Nullable String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte @Nullable [] bytes) {
        return bytes == null ? "null" : new String(bytes, StandardCharsets.UTF_8);
    }

    private void event(@Nullable String value, Header... headers) {
        event("key", value, headers);
    }

    private void event(@Nullable String key, @Nullable String value, Header... headers) {
        if (value != null) {
            log.put(new Position(0, eventOffset),
                    new Content(Objects.requireNonNull(TextEvents.bytes(value)),
                            Arrays.stream(headers).filter(each -> each.key().startsWith(Example.CARRIED_PREFIX))
                                    .map(each -> new CarriedHeader(each.key(), each.value()))
                                    .toArray(CarriedHeader[]::new)));
        }
        eventOffset++;
        driven().events()
                .pipeInput(new TestRecord<>(bytes(key), TextEvents.bytes(value), new RecordHeaders(headers), NOW));
    }

    private void label(@Nullable String key, @Nullable String value) {
        driven().labels().pipeInput(new TestRecord<>(bytes(key), TextEvents.bytes(value), new RecordHeaders(), NOW));
    }

    private void label(String value) {
        label("key", value);
    }

    private void tick(long time) {
        event(null, new RecordHeader(Tick.HEADER, Tick.headerValue(time)));
        driver().advanceWallClockTime(Duration.ofSeconds(1));
    }

    private List<String> written() throws ExampleException {
        List<String> written = new ArrayList<>();
        for (TestRecord<byte[], byte[]> record : driven().examples().readRecordsToList()) {
            Example example = Example.read(record.headers());
            written.add(text(record.key()) + " " + example.kind().code() + " "
                    + (example.oldLabel() == null ? "" : example.oldLabel() + ">") + example.label() + " of "
                    + example.source() + ": " + TextEvents.text(record.value()));
        }
        return written;
    }

    private List<String> refused() {
        return driven().deadLetters().readRecordsToList().stream()
                .map(record -> header(record, "tidegrad-reason") + " " + header(record, "tidegrad-topic") + ":"
                        + header(record, "tidegrad-partition") + ":" + header(record, "tidegrad-offset") + " of "
                        + header(record, "tidegrad-stream") + " " + header(record, "tidegrad-epoch") + ": "
                        + text(record.key()) + " " + TextEvents.text(record.value()))
                .toList();
    }

    private static String header(TestRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null ? "none" : text(header.value());
    }

    @Test
    void aLabelInTimeGivesOneFinalExampleWithTheEventsBytes() throws Exception {
        start(SPEC);
        event("id=a time=1000");
        event("id=b time=1000");
        label("id=a time=2000 fraud=true");
        label("id=b time=3000 fraud=false");
        assertThat(written()).containsExactly("a final true of payments:0:0: id=a time=1000",
                "b final false of payments:0:1: id=b time=1000");
        tick(1_000_000);
        assertThat(written()).isEmpty();
        assertThat(refused()).isEmpty();
    }

    @Test
    void withoutALabelAnEventIsProvisionalAndALateLabelCorrectsItWithTheEventsOwnBytes() throws Exception {
        start(SPEC);
        event("id=a time=1000");
        tick(31_000);
        assertThat(written()).as("it still waits").isEmpty();
        tick(31_001);
        assertThat(written()).containsExactly("a provisional 0 of payments:0:0: id=a time=1000");
        label("id=a time=40000 fraud=true");
        label("id=a time=41000 fraud=true withdrawn=true");
        assertThat(written()).containsExactly("a correction 0>true of payments:0:0: id=a time=1000",
                "a correction true>0 of payments:0:0: id=a time=1000");
    }

    @Test
    void aCorrectionOfAnEventThatIsGoneIsADeadLetter() throws Exception {
        start(SPEC);
        event("id=a time=1000");
        tick(31_001);
        log.clear();
        label("id=a time=40000 fraud=true");
        assertThat(written()).containsExactly("a provisional 0 of payments:0:0: id=a time=1000");
        assertThat(refused()).containsExactly("event-gone payments:0:0 of payments 1: a null");
    }

    @Test
    void whatCantBeJoinedIsADeadLetterWithItsBytesAndItsPlace() {
        start(SPEC);
        event("#");
        event(null);
        event("time=1000");
        event("id=a time=" + (NOW + 90_000_000));
        label("id=x time=1000");
        label("id=orphan time=1000 fraud=1");
        tick(200_000);
        event("id=old time=50000");
        assertThat(refused()).containsExactly("not-json payments:0:0 of payments 1: key #",
                "null-value payments:0:1 of payments 1: key null",
                "missing-field payments:0:2 of payments 1: key time=1000",
                "future-time payments:0:3 of payments 1: key id=a time=" + (NOW + 90_000_000),
                "missing-label chargebacks:0:0 of payments 1: key id=x time=1000",
                "orphan-label chargebacks:0:1 of payments 1: key id=orphan time=1000 fraud=1",
                "late-event payments:0:5 of payments 1: key id=old time=50000");
        assertThat(counts.deadLetters()).isEqualTo(7);
        assertThat(counts.deadLetters("orphan-label")).isEqualTo(1);
    }

    @Test
    void headersOfWhatWasServedAreCarriedOnAndOthersAreNot() throws Exception {
        start(SPEC);
        event("id=a time=-5000", new RecordHeader("tidegrad-served-model", bytes("fraud")),
                new RecordHeader("trace", bytes("1")));
        label("id=a time=2000 fraud=true");
        TestRecord<byte[], byte[]> record = driven().examples().readRecord();
        assertThat(header(record, "tidegrad-served-model")).isEqualTo("fraud");
        assertThat(header(record, "trace")).isEqualTo("none");
        assertThat(Example.read(record.headers()).eventTime()).as("before 1970").isEqualTo(-5000);
        assertThat(record.timestamp()).isZero();
    }

    /// What scorers logged and the labels that came later, through the join and the fold: every logged prediction counts
    /// once, with its last label.
    @Test
    void whatALearnerCountsAsServedIsThatOfEachPredictionsLastLabel() {
        start(SPEC.replace("window: PT100S", "window: PT100S, duplicates: last"));
        ModelSpec spec = ModelSpec.parse("""
                model: fraud
                input: { stream: payments, format: json }
                features: [ number: { field: amount } ]
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { sgd: { rate: 0.01 } }
                """, "spec");
        EventReader reader = new EventReader(spec);
        AvroCodec codec = new AvroCodec(new InMemorySchemaRegistry());
        EventFold fold =
                new EventFold(spec, OnlineModel.initial(spec, new ScalarKernels()), value -> reader.read(codec, value));
        Random random = new Random(5);
        TreeMap<Long, Runnable> inputs = new TreeMap<>();
        int predictions = 300;
        double logLoss = 0;
        int positives = 0;
        for (int i = 0; i < predictions; i++) {
            String id = "id=p" + i;
            long at = 1_000L * random.nextInt(200);
            float p = (1 + random.nextInt(98)) / 100f;
            Served served =
                    new Served("fraud", 1, random.nextInt(1_000), 0, NOW, Served.Stage.LIVE, null, new float[]{p});
            Header header = new RecordHeader(Served.HEADER, bytes(served.text()));
            long place = at * 1_000 + i;
            inputs.put(place, () -> event(id + " time=" + at + " amount=3", header));
            boolean last = false;
            for (int labels = random.nextInt(4); labels > 0; labels--) {
                boolean withdrawn = random.nextInt(5) == 0;
                last = !withdrawn && random.nextFloat() < p;
                String label = " fraud=" + last + (withdrawn ? " withdrawn=true" : "");
                place += random.nextInt(30_000) * 1_000L;
                long time = place / 1_000;
                inputs.put(place + predictions, () -> label(id + " time=" + time + label));
            }
            positives += last ? 1 : 0;
            logLoss -= Math.log(last ? p : 1 - (double) p) / predictions;
        }
        inputs.values().forEach(Runnable::run);
        tick(1_000_000);
        for (TestRecord<byte[], byte[]> record : driven().examples().readRecordsToList()) {
            fold.fold(record.value(), record.headers());
        }
        ServedEvaluation.Figures figures = fold.model().served().stages().getFirst();
        assertThat(refused()).isEmpty();
        assertThat(figures.predictions()).isEqualTo(predictions);
        assertThat(figures.meanLabel()).isEqualTo((double) positives / predictions);
        assertThat(figures.logLoss()).isCloseTo(logLoss, within(1e-6));
    }

    @Test
    void withTheRecordsKeyOnBothSidesNothingIsPartitionedAgainAndANullTakesALabelBack() throws Exception {
        start("""
                stream: payments
                events: { topic: payments, key: "@key", event-time: time, format: json }
                labels: { topic: chargebacks, key: "@key", value: fraud, event-time: time, format: json }
                join: { wait: PT30S, missing: 0, window: P30D }
                """);
        event("a", "time=" + (NOW - 1000));
        label("a", "fraud=1 time=" + NOW);
        label("a", null);
        assertThat(written()).containsExactly("a final 1 of payments:0:0: time=" + (NOW - 1000),
                "a correction 1>0 of payments:0:0: time=" + (NOW - 1000));
        assertThat(driver().producedTopicNames()).noneMatch(topic -> topic.contains("repartition"));
    }

    @Test
    void anEventThatBringsItsLabelIsAFinalExampleAndNothingIsRemembered() throws Exception {
        start("""
                stream: payments
                events: { topic: payments, event-time: time, format: json }
                label: fraud
                """);
        event("k", "time=1000 fraud=1");
        event(null, "time=1000 fraud=0");
        event("k", "time=1000");
        assertThat(written()).containsExactly("k final 1 of payments:0:0: time=1000 fraud=1",
                "null final 0 of payments:0:1: time=1000 fraud=0");
        assertThat(refused()).containsExactly("missing-label payments:0:2 of payments 1: k time=1000");
        assertThat(driver().getAllStateStores().keySet()).as("a store without content")
                .containsExactly(CommitHook.OF_KEYS);
    }

    @Test
    void timeThatTheStreamHasReachedMovesATaskThatGetsNothingAndIsToldToThoseWhoLearn() throws Exception {
        start(SPEC);
        event("id=a time=1000");
        time.is(31_000, false, Long.MIN_VALUE);
        driver().advanceWallClockTime(Duration.ofSeconds(1));
        assertThat(driven().examples().isEmpty()).isTrue();
        time.is(31_001, true, 31_000);
        driver().advanceWallClockTime(Duration.ofSeconds(1));
        assertThat(header(driven().examples().readRecord(), Example.HEADER)).startsWith("1 provisional ");
        assertThat(header(driven().examples().readRecord(), Tick.HEADER)).isEqualTo("31000");
        driver().advanceWallClockTime(Duration.ofSeconds(1));
        assertThat(driven().examples().isEmpty()).as("a second tick of the same time").isTrue();
        label("id=b time=2000 fraud=1");
        event("id=b time=1000");
        assertThat(written()).as("it waited no more").containsExactly("b final 1 of payments:0:1: id=b time=1000");
    }

    @Test
    void aTickOfATimeThatNoExampleCanSayIsRefused() {
        start(SPEC);
        tick(-99_999_999_999_999L);
        assertThat(refused()).singleElement().asString().startsWith("out-of-range payments:0:0 ");
    }

    @Test
    void whateverComesInWhateverOrderTheExamplesAreThoseOfABruteForceJoin() throws Exception {
        StreamSpec spec = start(SPEC);
        Random random = new Random(7);
        List<Arrival> arrivals = new ArrayList<>();
        long labelOffset = 0;
        long now = 0;
        for (int i = 0; i < 4_000; i++) {
            now += random.nextInt(1_500);
            long time = Math.max(0, now - (random.nextInt(10) == 0 ? random.nextInt(150_000) : random.nextInt(40_000)));
            String id = "id-" + (now / 20_000 - random.nextInt(8));
            if (random.nextBoolean()) {
                arrivals.add(new Arrival.OfEvent(id, new EventRecord(time, new Position(0, eventOffset), 1,
                        new Content("".getBytes(StandardCharsets.UTF_8)))));
                event("id=" + id + " time=" + time);
            } else {
                boolean back = random.nextInt(5) == 0;
                int fraud = random.nextInt(2);
                arrivals.add(new Arrival.OfLabel(id, new LabelRecord(time, new Position(0, labelOffset++),
                        back ? null : Integer.toString(fraud), null, null)));
                label("id=" + id + " time=" + time + " fraud=" + fraud + (back ? " withdrawn=true" : ""));
            }
            if (random.nextInt(50) == 0) {
                driver().advanceWallClockTime(Duration.ofSeconds(1));
            }
        }
        arrivals.add(new Arrival.Tick(now + 1_000_000));
        tick(now + 1_000_000);
        Map<String, List<Example>> expected = new TreeMap<>();
        BruteForceJoin.join(spec, arrivals).forEach((id, of) -> {
            if (!of.examples().isEmpty()) {
                expected.put(id, of.examples());
            }
        });
        Map<String, List<Example>> found = new TreeMap<>();
        for (TestRecord<byte[], byte[]> record : driven().examples().readRecordsToList()) {
            Example example = Example.read(record.headers());
            found.computeIfAbsent(text(record.key()), unused -> new ArrayList<>()).add(example);
            assertThat(TextEvents.text(record.value())).contains("id=" + text(record.key()) + " ");
        }
        assertThat(expected).hasSizeGreaterThan(100);
        assertThat(found).isEqualTo(expected);
        driver().advanceWallClockTime(Duration.ofSeconds(100));
        for (int i = 0; i < 300; i++) {
            driver().advanceWallClockTime(Duration.ofSeconds(1));
        }
        JoinStore store = (JoinStore) driver().getStateStore(JoinStore.ENTRIES);
        assertThat(store.due(Long.MAX_VALUE, 1)).as("what is due").isEmpty();
    }
}
