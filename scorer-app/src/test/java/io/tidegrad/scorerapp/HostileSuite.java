package io.tidegrad.scorerapp;

import com.sun.management.ThreadMXBean;
import com.sun.net.httpserver.HttpServer;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.EventReader;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.CpuWatchdog;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry.UnsupportedSchemaException;
import io.tidegrad.schemas.UndecodableException;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScoringSession;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/// A process that takes made-up pairs of a writer's schema and a value through the trainer's fold and through what the
/// topic scorer does to a request, and made-up JSON records through what HTTP scoring does to a body. Schemas come over
/// HTTP, as from a registry. Ends with 1 at the first outcome that is neither an event nor a typed refusal, or that has
/// taken more memory than it may.
public final class HostileSuite implements AutoCloseable {
    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: hostile
                    input: { topic: t }
                    label: { field: over }
                    features:
                      - number: { field: f, scale: standard }
                      - category: { field: s, buckets: 64, dimension: 2 }
                      - cross: { fields: [s, e], buckets: 64, dimension: 2 }
                      - time-part: { field: at, parts: [hour, weekday] }
                      - pixels: { field: picture, width: 2, height: 2 }
                      - bag: { field: tags, count: 3, buckets: 16, dimension: 2 }
                      - sequence: { field: steps, steps: 4, shorter: pad }
                    network: [ dense: 4, relu, dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { adam: { rate: 0.01 } }
                    """, "test spec");

    private static final Headers NONE = new RecordHeaders();

    /// For what is said about a refusal, for the row, and for the fields of a schema that are looked up when it is
    /// first seen.
    private static final long BESIDE = 64 << 10;

    private static final long BESIDE_A_FIELD = 256;

    /// The parser keeps up to 6,000 names from body to body, in a table that now and then is made anew.
    private static final long BESIDE_JSON = 512 << 10;

    /// A digit and a comma are a number and its place in a list that grows.
    private static final long JSON_MEMORY_PER_BYTE = 64;

    private static final int WARM_UP = 100; // schemas

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final long seed;
    private final HostileSchemas made;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newSingleThreadExecutor();
    private volatile String schema = "";
    private final SchemaRegistry registry;
    private final OnlineModel attacked = model();
    private final OnlineModel spared = model();
    private final EventFold attackedFold;
    private final EventFold sparedFold;
    private final RecordDecoder decoder;
    private final Scorer scorer;
    private final ScoringSession session;
    private final EventReader requests = new EventReader(SPEC);
    private final RecordReader json = new RecordReader(new RecordFields(SPEC), field -> false);
    private final Map<String, Integer> outcomes = new TreeMap<>();
    private boolean measured;
    private long pair;
    private double nearest; // the largest share of what an event may take that one took

    /// @param breaker what decodes for the fold instead of the product, or `NONE`
    private HostileSuite(long seed, Breaker breaker) throws IOException {
        this.seed = seed;
        made = new HostileSchemas(seed);
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            try (exchange) {
                byte[] answer = ("{\"schema\": \"" + escaped(schema) + "\"}").getBytes(StandardCharsets.UTF_8);
                exchange.sendResponseHeaders(200, answer.length);
                exchange.getResponseBody().write(answer);
            }
        });
        server.start();
        registry = SchemaRegistry
                .connect(Map.of("schema.registry.url", "http://127.0.0.1:" + server.getAddress().getPort()));
        attackedFold = fold(attacked, breaker);
        sparedFold = fold(spared, breaker);
        decoder = RecordDecoder.of(registry);
        scorer = scorer();
        session = scorer.newSession();
    }

    private static String escaped(String text) {
        StringBuilder escaped = new StringBuilder(text.length() + 100);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                escaped.append('\\').append(c);
            } else if (c < 0x20) {
                escaped.append("\\u%04x".formatted((int) c));
            } else {
                escaped.append(c);
            }
        }
        return escaped.toString();
    }

    private static OnlineModel model() {
        return OnlineModel.initial(SPEC, Kernels.active());
    }

    private EventFold fold(OnlineModel model, Breaker breaker) {
        ValueDecoder decoding = breaker == Breaker.DECODES_WITHOUT_A_BUDGET ? this::decodedByAvro
                : ValueDecoder.avro(SPEC, new AvroCodec(registry));
        return new EventFold(SPEC, model, decoding);
    }

    /// As Avro does it, which looks at a value's length for few of the objects that it makes.
    private Event decodedByAvro(byte[] value) {
        try {
            Schema written = registry.schemaById(AvroCodec.schemaId(value));
            return new AvroEvent().of(new GenericDatumReader<GenericRecord>(written).read(null, DecoderFactory.get()
                    .binaryDecoder(value, AvroCodec.HEADER_BYTES, value.length - AvroCodec.HEADER_BYTES, null)));
        } catch (RuntimeException | IOException e) {
            throw new UndecodableException(UndecodableException.Reason.MALFORMED, "" + e, e);
        }
    }

    private static Scorer scorer() throws IOException {
        OnlineModel model = model();
        PublishedSnapshot full = PublishedSnapshot.full(model,
                new PublishedSnapshot.Moment(model.weightsHash(), 1, 0, 0, true, 0), PublishedSnapshot.Form.PLAIN);
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        SnapshotFile.write(SnapshotFile.Head.of(full.manifest(), SPEC.yaml()), model.parameters(), file);
        return Scorer.of(file.toByteArray());
    }

    private void run(int schemas, int valuesEach) {
        try (CpuWatchdog watchdog = new CpuWatchdog(Duration.ofSeconds(20), i -> "pair " + i + ", seed " + seed)) {
            // The first ones load classes, which takes memory once.
            for (int i = 1 - WARM_UP; i <= schemas; i++) {
                measured = i > 0;
                schema = made.schema();
                watchdog.begin(pair);
                Schema parsed = parsed(WARM_UP + i);
                for (int j = 0; j < valuesEach; j++) {
                    pair += measured ? 1 : 0;
                    watchdog.begin(pair);
                    byte[] avro = made.avro(parsed == null ? HostileSuite.NO_SCHEMA : parsed);
                    byte[] value = ByteBuffer.allocate(AvroCodec.HEADER_BYTES + avro.length).put((byte) 0)
                            .putInt(WARM_UP + i).put(avro).array();
                    long fields =
                            parsed == null || parsed.getType() != Schema.Type.RECORD ? 0 : parsed.getFields().size();
                    long bound = AvroCodec.memoryBound(value.length) + BESIDE + BESIDE_A_FIELD * fields;
                    checked("fold", value, bound, () -> fold(value));
                    checked("topic", value, bound, () -> topic(value));
                    byte[] body = made.jsonRecords();
                    checked("http", body, BESIDE_JSON + JSON_MEMORY_PER_BYTE * body.length, () -> http(body));
                }
            }
        }
        if (!attacked.stateHash().equals(spared.stateHash())) {
            throw new AssertionError("a refused event changed the model, seed " + seed);
        }
    }

    private static final Schema NO_SCHEMA = Schema.create(Schema.Type.STRING);

    /// Asked for before anything is measured: a schema is parsed once, and bounded by its text.
    private @Nullable Schema parsed(int id) {
        try {
            return registry.schemaById(id);
        } catch (UnsupportedSchemaException refused) {
            count("schema: refused");
            return null;
        }
    }

    private interface Path {
        String outcome();
    }

    private void checked(String path, byte[] input, long bound, Path taken) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        String outcome;
        try {
            outcome = taken.outcome();
        } catch (Throwable thrown) {
            throw new AssertionError(thrown + " for " + described(path, input), thrown);
        }
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        if (!measured) {
            return;
        }
        if (allocated > bound) {
            throw new AssertionError("expected at most " + bound + " bytes of memory, found " + allocated + " ("
                    + outcome + ") for " + described(path, input));
        }
        nearest = Math.max(nearest, (double) allocated / bound);
        count(path + ": " + outcome);
    }

    private String described(String path, byte[] input) {
        return "pair " + pair + ", seed " + seed + ", " + path + ", "
                + HexFormat.of().formatHex(input, 0, Math.min(200, input.length)) + " of " + input.length
                + " bytes, schema " + schema.substring(0, Math.min(2_000, schema.length()));
    }

    private void count(String outcome) {
        outcomes.merge(outcome, 1, Integer::sum);
    }

    private String fold(byte[] value) {
        return switch (attackedFold.fold(value, NONE)) {
            case EventFold.Outcome.Accepted accepted -> {
                if (!sparedFold.fold(value, NONE).equals(accepted)) {
                    throw new AssertionError("learned by one fold, refused by another");
                }
                yield "taken";
            }
            case EventFold.Outcome.Rejected(var rejection, var schemaId) -> said(rejection);
            case EventFold.Outcome.Ticked() -> throw new AssertionError("a tick");
        };
    }

    /// As `BatchScorer`.
    private String topic(byte[] value) {
        try {
            return said(session.score(requests.read(decoder, "t", value)));
        } catch (UndecodableException undecodable) {
            return said(Rejection.of(undecodable));
        }
    }

    private String http(byte[] body) {
        List<Event> events;
        try {
            events = json.read(body, body.length);
        } catch (HttpProblem problem) {
            return problem.reason().code();
        }
        String last = "";
        for (Event event : events) {
            Rejection rejection = session.score(event);
            if (rejection != null && ProblemReason.of(rejection.reason()) == ProblemReason.INTERNAL) {
                throw new AssertionError("a status of 500: " + rejection);
            }
            last = said(rejection);
        }
        return last;
    }

    private static String said(@Nullable Rejection rejection) {
        if (rejection == null) {
            return "taken";
        }
        if (rejection.detail().isBlank()) {
            throw new AssertionError("a refusal that says nothing: " + rejection);
        }
        return rejection.reason().code();
    }

    @Override
    public void close() {
        scorer.close();
        decoder.close();
        server.stop(0);
        threads.shutdownNow();
    }

    /// @param args seed, number of schemas, values for each, a `Breaker`
    public static void main(String[] args) throws IOException {
        long begun = System.nanoTime();
        try (HostileSuite suite = new HostileSuite(Long.parseLong(args[0]), Breaker.valueOf(args[3]))) {
            suite.run(Integer.parseInt(args[1]), Integer.parseInt(args[2]));
            suite.outcomes.forEach((outcome, count) -> System.out.printf("%s %d%n", outcome, count));
            System.out.printf("%d pairs in %d s, the largest share of what one may take was %.2f%n", suite.pair,
                    (System.nanoTime() - begun) / 1_000_000_000, suite.nearest);
        } catch (Throwable failed) {
            failed.printStackTrace(System.out);
            System.exit(1);
        }
        System.exit(0);
    }
}
