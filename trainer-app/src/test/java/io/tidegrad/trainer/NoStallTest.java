package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Invariant I7: of all that a malformed event can cost, a question to the registry is what would stall a stream of
/// them. How fast they are refused is measured by `loadtest poison`.
class NoStallTest {
    private static final int MALFORMED = 2_000;

    /// How long an answer "there is no such schema" counts (`RestSchemaRegistry`).
    private static final Duration UNKNOWN_FOR = Duration.ofSeconds(5);

    private static final int KNOWN_ID = 1;

    private static final Schema EVENT = new Schema.Parser().parse("""
                            {"type": "record", "name": "Reading", "fields": [
                              {"name": "a", "type": "float"}, {"name": "over", "type": "int"}]}
                            """);

    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: m
                    input: { topic: t }
                    label: { field: over }
                    features: [ number: { field: a } ]
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { sgd: { rate: 0.1 } }
                    """, "test spec");

    private static final Headers NONE = new RecordHeaders();

    private final AtomicInteger questions = new AtomicInteger();
    private HttpServer server;

    /// Knows one schema.
    @BeforeEach
    void startRegistry() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/schemas/ids/", exchange -> {
            try (exchange) {
                questions.incrementAndGet();
                boolean known = exchange.getRequestURI().getPath().endsWith("/" + KNOWN_ID);
                byte[] answer = (known ? "{\"schema\": \"" + EVENT.toString().replace("\"", "\\\"") + "\"}"
                        : "{\"error_code\": 40403, \"message\": \"Schema not found\"}")
                        .getBytes(StandardCharsets.UTF_8);
                exchange.sendResponseHeaders(known ? 200 : 404, answer.length);
                exchange.getResponseBody().write(answer);
            }
        });
        server.start();
    }

    @AfterEach
    void stopRegistry() {
        server.stop(0);
    }

    private SchemaRegistry registry() {
        return SchemaRegistry
                .connect(Map.of("schema.registry.url", "http://127.0.0.1:" + server.getAddress().getPort()));
    }

    private static byte[] good(SchemaRegistry registry) {
        GenericData.Record event = new GenericData.Record(EVENT);
        event.put("a", 0.5f);
        event.put("over", 1);
        return new AvroCodec(registry).encode(KNOWN_ID, event);
    }

    /// A value of another kind for each number.
    private static byte[] malformed(int number, byte[] good) {
        byte[] value = good.clone();
        switch (number % 3) {
            case 0 -> value[4] = 77; // a schema that nobody registered
            case 1 -> value[0] = 9;
            default -> value = java.util.Arrays.copyOf(good, good.length - 1);
        }
        return value;
    }

    /// The oracle.
    private List<String> stalls(ValueDecoder decoder, int malformed, byte[] good) {
        List<String> stalls = new ArrayList<>();
        OnlineModel model = OnlineModel.initial(SPEC, new ScalarKernels());
        EventFold fold = new EventFold(SPEC, model, decoder);
        long start = System.nanoTime();
        for (int i = 0; i < malformed; i++) {
            EventFold.Outcome outcome = fold.fold(malformed(i, good), NONE);
            if (!(outcome instanceof EventFold.Outcome.Rejected)) {
                stalls.add("event " + i + " of malformed ones: " + outcome);
            }
        }
        // One for each of the two ids, and another one about the unknown id from time to time.
        long allowed = 2 + (System.nanoTime() - start) / UNKNOWN_FOR.toNanos();
        if (questions.get() > allowed) {
            stalls.add("expected at most " + allowed + " questions to the registry for " + malformed + " events, found "
                    + questions.get());
        }
        fold.fold(good, NONE);
        if (model.parameters().updates() != 1) {
            stalls.add("the good event behind them was not learned");
        }
        return stalls;
    }

    @Test
    void malformedEventsAloneAskNobodyAndTheGoodOneBehindThemIsLearned() {
        try (SchemaRegistry registry = registry()) {
            byte[] good = good(registry);
            assertThat(stalls(ValueDecoder.avro(SPEC, new AvroCodec(registry)), MALFORMED, good)).isEmpty();
        }
    }

    @ProvesOracle(Breaker.ASKS_ABOUT_EVERY_EVENT)
    @Test
    void aQuestionForEveryEventIsReported() {
        ValueDecoder forgetful = value -> {
            try (SchemaRegistry registry = registry()) {
                return ValueDecoder.avro(SPEC, new AvroCodec(registry)).decode(value);
            }
        };
        try (SchemaRegistry registry = registry()) {
            assertThat(stalls(forgetful, 30, good(registry))).hasSize(1);
        }
    }
}
