package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.proof.LongProof;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;

/// Whatever comes in: an answer in 4xx with its reason, no trace of our inside in it, at most a short line in the log,
/// and the next request is answered as if nothing had been.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HostileRequestTest {
    private static final int LOG_CHARS_MAX = 500;
    private static final int MUTATIONS = 3_000;
    private static final String RECORD = TestApp.RECORD;
    private static final String KINDS = TestApp.KINDS_RECORD;

    /// Two records of the model with every kind of feature.
    private static final String KINDS_TENSORS = """
            {"id": "42", "parameters": {"a": 1}, "inputs": [
             {"name": "size", "shape": [2], "datatype": "FP64", "data": [3, 4.5]},
             {"name": "camera", "shape": [2, 1], "datatype": "BYTES", "data": [["x"], ["y"]]},
             {"name": "taken", "shape": [2], "datatype": "INT64", "data": [988705800000, 0]},
             {"name": "sold", "shape": [2], "datatype": "INT64", "data": [0, 1]},
             {"name": "angle", "shape": [2], "datatype": "FP32", "data": [90, 0.5]},
             {"name": "image", "shape": [2, 2, 2], "datatype": "UINT8", "data": [0, 1, 2, 255, 0, 1, 2, 3]}],
             "outputs": [{"name": "probabilities"}]}""";

    private final TestApp app = TestApp.start();
    private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
    private final byte[] valid = RawHttp.post(scorePath(), "", RawHttp.bytes(RECORD));
    private final JsonNode right = predictions(answerTo(valid));

    @BeforeAll
    void listen() {
        logged.start();
        rootLogger().addAppender(logged);
    }

    @AfterAll
    void close() {
        rootLogger().detachAppender(logged);
        app.close();
    }

    private static Logger rootLogger() {
        return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    }

    private String scorePath() {
        return "/v1/models/" + app.flights + "/score";
    }

    /// On a connection of its own.
    private Answer answerTo(byte[] request) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(request);
            return http.answer();
        }
    }

    private static JsonNode predictions(Answer answer) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
        return answer.json().get("predictions");
    }

    @AfterEach
    void theServerGoesOnAndHasLittleToSay() {
        assertThat(predictions(answerTo(valid))).isEqualTo(right);
        List<ILoggingEvent> told = List.copyOf(logged.list);
        logged.list.clear();
        assertThat(told).allSatisfy(event -> {
            assertThat(event.getThrowableProxy()).as(event.toString()).isNull();
            assertThat(event.getLevel().isGreaterOrEqual(Level.ERROR)).as(event.toString()).isFalse();
            assertThat(event.getFormattedMessage()).hasSizeLessThan(LOG_CHARS_MAX).doesNotContain("\n");
        });
        assertThat(told).as("lines for one request").hasSizeLessThanOrEqualTo(1);
    }

    private static void assertRefused(Answer answer, int status, String reason) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(status);
        assertThat(answer.headers()).containsEntry("content-type", "application/json");
        assertThat(answer.json().get("reason").asText()).as(answer.toString()).isEqualTo(reason);
        assertThat(answer.json().get("message").asText()).isNotBlank().hasSizeLessThan(500);
        assertTellsNothingOfUs(answer);
    }

    private static void assertTellsNothingOfUs(Answer answer) {
        assertThat(answer.toString()).doesNotContain("Exception", "\tat ", "io.tidegrad", "fasterxml", "helidon",
                "java.");
    }

    private static String with(String from, String to) {
        assertThat(RECORD).contains(from);
        return RECORD.replace(from, to);
    }

    static Stream<Arguments> bodiesThatAreNoRecords() {
        return Stream.of(
                // Not JSON.
                arguments("nothing", "", "bad-json"), arguments("white space", " \r\n\t ", "bad-json"),
                arguments("text", "not json", "bad-json"), arguments("an open object", "{", "bad-json"),
                arguments("cut in a name", RECORD.substring(0, 5), "bad-json"),
                arguments("cut in a string", RECORD.substring(0, 20), "bad-json"),
                arguments("cut in a number", RECORD.substring(0, 50), "bad-json"),
                arguments("cut before its end", RECORD.substring(0, RECORD.length() - 1), "bad-json"),
                arguments("cut in an escape", "{\"origin\": \"\\u00", "bad-json"),
                arguments("an open array", "[" + RECORD, "bad-json"),
                arguments("a comma too many", "[" + RECORD + ",]", "bad-json"),
                arguments("a comma before the end", with("\"JFK\"}", "\"JFK\",}"), "bad-json"),
                arguments("no colon", with("\"distance\": ", "\"distance\" "), "bad-json"),
                arguments("a comment", with("2586", "/* far */ 2586"), "bad-json"),
                arguments("single quotes", with("\"SFO\"", "'SFO'"), "bad-json"),
                arguments("a name without quotes", with("\"distance\"", "distance"), "bad-json"),
                arguments("a name twice", with("{", "{\"distance\": 1, "), "bad-json"),
                arguments("garbage after it", RECORD + " x", "bad-json"),
                arguments("a second record after it", RECORD + RECORD, "bad-json"),
                arguments("a NUL after it", RECORD + "\0", "bad-json"),
                arguments("NaN", with("2586", "NaN"), "bad-json"),
                arguments("Infinity", with("2586", "Infinity"), "bad-json"),
                arguments("-Infinity", with("2586", "-Infinity"), "bad-json"),
                arguments("a leading zero", with("2586", "02586"), "bad-json"),
                arguments("a plus", with("2586", "+2586"), "bad-json"),
                arguments("a hexadecimal number", with("2586", "0x1A"), "bad-json"),
                arguments("a point without digits", with("2586", "2."), "bad-json"),
                arguments("a number of 65 digits", with("2586", "1".repeat(65)), "bad-json"),
                arguments("a number of 1,000,000 digits", with("2586", "1".repeat(1_000_000)), "bad-json"),
                arguments("a line break in a string", with("SFO", "S\nFO"), "bad-json"),
                arguments("an escape that is none", with("SFO", "\\x41"), "bad-json"),
                arguments("half a character", with("SFO", "\\ud800"), "bad-json"),
                arguments("the other half", with("SFO", "\\udc00x"), "bad-json"),
                arguments("half a character in a name", with("origin", "\\ud800"), "bad-json"),
                arguments("a name of 5,000 characters", with("origin", "o".repeat(5_000)), "bad-json"),
                // In UTF-8's bytes, as ISO-8859-1 shows them.
                arguments("a byte that no UTF-8 has", with("SFO", "\u00ff"), "bad-json"),
                arguments("UTF-8 cut short", with("SFO", "\u00e2\u0082"), "bad-json"),
                arguments("overlong UTF-8", with("SFO", "\u00c0\u00af"), "bad-json"),
                arguments("half a character in UTF-8", with("SFO", "\u00ed\u00a0\u0080"), "bad-json"),
                arguments("beyond Unicode", with("SFO", "\u00f5\u0080\u0080\u0080"), "bad-json"),
                arguments("a byte order mark", "\u00ef\u00bb\u00bf" + RECORD, "bad-json"),
                arguments("UTF-16", utf16(RECORD), "bad-json"),
                arguments("UTF-16 with its mark", "\u00fe\u00ff" + utf16(RECORD), "bad-json"),
                // JSON, but no records.
                arguments("null", "null", "bad-json"), arguments("a number", "1", "bad-json"),
                arguments("a string", "\"x\"", "bad-json"), arguments("true", "true", "bad-json"),
                arguments("an empty array", "[]", "no-records"),
                arguments("an array of numbers", "[1, 2]", "not-a-record"),
                arguments("an array of arrays", "[[" + RECORD + "]]", "not-a-record"),
                arguments("null among records", "[" + RECORD + ", null]", "not-a-record"),
                arguments("100,000 arrays deep", "[".repeat(100_000), "not-a-record"),
                arguments("100,000 objects deep", "{\"distance\":".repeat(50_000), "wrong-type"),
                arguments("deep in a field", with("2586", "[".repeat(50_000)), "wrong-type"),
                // Fields.
                arguments("an unknown field", with("{", "{\"altitude\": 1, "), "unknown-field"),
                arguments("an unknown field without end", "{\"a\":".repeat(100_000), "unknown-field"),
                arguments("an unknown field of half a line", with("{", "{\"a\\u2028\\u202e\\n\": 1, "),
                        "unknown-field"),
                arguments("a long unknown field", with("{", "{\"" + "\u00f0\u009f\u0098\u0080".repeat(200) + "\": 1, "),
                        "unknown-field"),
                arguments("__proto__", with("{", "{\"__proto__\": {}, "), "unknown-field"),
                arguments("a type to be made", with("{", "{\"@class\": \"java.lang.Runtime\", "), "unknown-field"),
                arguments("an empty record", "{}", "missing-field"),
                arguments("null for a number", with("2586", "null"), "missing-field"),
                arguments("1e999", with("2586", "1e999"), "not-finite"),
                arguments("-1e999", with("2586", "-1e999"), "not-finite"),
                arguments("1e999 for a category", with("\"SFO\"", "1e999"), "not-finite"),
                arguments("1e300", with("2586", "1e300"), "out-of-range"),
                arguments("a time of 1e18", with("\"2001-05-01T08:30:00Z\"", "1e18"), "out-of-range"),
                arguments("a time of 1e999", with("\"2001-05-01T08:30:00Z\"", "1e999"), "wrong-type"),
                arguments("the year 10000", with("2001-05-01", "+10000-01-01"), "out-of-range"),
                arguments("the 30th of February", with("2001-05-01", "2001-02-30"), "wrong-type"),
                arguments("a time of 40 characters and a half", with("2001-05-01", "x" + "\\ud83d\\ude00".repeat(30)),
                        "wrong-type"));
    }

    private static String utf16(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_16BE), StandardCharsets.ISO_8859_1);
    }

    @ParameterizedTest(name = "{0}: {2}")
    @MethodSource("bodiesThatAreNoRecords")
    void aBodyThatIsNoRecordIsRefusedAndTheConnectionGoesOn(String what, String body, String reason) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.post(scorePath(), "", RawHttp.bytes(body)));
            assertRefused(http.answer(), 400, reason);
            http.send(valid);
            assertThat(predictions(http.answer())).as("on the same connection").isEqualTo(right);
        }
    }

    static Stream<Arguments> valuesOfTheWrongType() {
        List<Arguments> rows = new ArrayList<>();
        Map<String, List<String>> wrong = new TreeMap<>();
        wrong.put("size\": 3", List.of("\"3\"", "[3]", "{}", "\"\"", "[]"));
        wrong.put("camera\": \"x\"", List.of("[1]", "{}", "[]"));
        wrong.put("lens\": \"y\"", List.of("[1]", "{\"y\": 1}"));
        wrong.put("taken\": \"2001-05-01T08:30:00Z\"", List.of("\"\"", "\"now\"", "true", "0.5", "[0]", "{}"));
        wrong.put("sold\": 0", List.of("\"May\"", "false", "1.5", "[0]", "{}"));
        wrong.put("angle\": 90", List.of("\"90\"", "[90]", "{}"));
        wrong.put("image\": [0, 1, 2, 255]",
                List.of("[0, 1, 2]", "[0, 1, 2, 3, 4]", "[]", "[0, 1, 2, null]", "[0, 1, 2, \"3\"]", "[[0, 1], [2, 3]]",
                        "[0, 1, 2, {}]", "\"\"", "\"AAEC\"", "\"****\"", "3", "true", "{}"));
        wrong.forEach((field, values) -> {
            String name = field.substring(0, field.indexOf('"'));
            for (String value : values) {
                rows.add(arguments(name, value, field));
            }
        });
        return rows.stream();
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("valuesOfTheWrongType")
    void aValueOfTheWrongTypeIsRefusedAndItsFieldNamed(String name, String value, String field) {
        assertThat(KINDS).contains(field);
        byte[] right = RawHttp.post("/v1/models/" + app.kinds + "/score", "", RawHttp.bytes(KINDS));
        String body = KINDS.replace(field, name + "\": " + value);
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.post("/v1/models/" + app.kinds + "/score", "",
                    RawHttp.bytes("[" + KINDS + ", " + body + "]")));
            Answer answer = http.answer();
            assertRefused(answer, 400, "wrong-type");
            assertThat(answer.json().get("record").asInt()).isEqualTo(1);
            assertThat(answer.json().get("message").asText()).contains("'" + name);
            http.send(right);
            assertThat(predictions(http.answer())).hasSize(1);
        }
    }

    static Stream<Arguments> inferencesThatAreNone() {
        String tensor = "{\"name\": \"size\", \"shape\": [1], \"datatype\": \"FP64\", \"data\": [1]}";
        String inputs = "{\"inputs\": [%s]}";
        return Stream.of(arguments("nothing", "", "not-a-request"),
                arguments("records", "[" + KINDS + "]", "not-a-request"),
                arguments("a byte order mark", "\u00ef\u00bb\u00bf" + KINDS_TENSORS, "bad-json"),
                arguments("cut short", KINDS_TENSORS.substring(0, 200), "bad-json"),
                arguments("100,000 arrays deep", "[".repeat(100_000), "not-a-request"),
                arguments("100,000 objects deep", "{\"inputs\":".repeat(90_000), "not-a-request"),
                arguments("data 100,000 deep", inputs.formatted("{\"data\": " + "[".repeat(100_000)), "bad-json"),
                arguments("data 100,000 deep, of a shape",
                        inputs.formatted(tensor.replace("[1]}", "[".repeat(100_000))), "bad-tensor"),
                arguments("15,000 tensors of one name",
                        inputs.formatted(tensor + (", " + tensor.replace(" ", "")).repeat(15_000)), "bad-tensor"),
                arguments("12,000 names that nobody knows",
                        inputs.formatted(IntStream.range(0, 12_000).mapToObj(i -> tensor.replace("size", "f" + i))
                                .collect(Collectors.joining(","))),
                        "unknown-field"),
                arguments("a shape of 300,000 dimensions",
                        inputs.formatted(tensor.replace("[1],", "[1" + ",1".repeat(300_000) + "],")), "bad-tensor"),
                arguments("a shape of 2^62 elements that come to none",
                        inputs.formatted(tensor.replace("[1],", "[4611686018427387904, 0],").replace("[1]}", "[]}")),
                        "bad-tensor"),
                arguments("a shape whose product is 1 modulo 2^64",
                        inputs.formatted(tensor.replace("[1],", "[6148914691236517205, 3, 6148914691236517205, 3],")),
                        "bad-tensor"),
                arguments("an id of half a character", KINDS_TENSORS.replace("\"42\"", "\"\\ud800\""), "bad-json"),
                arguments("a long name of line breaks",
                        inputs.formatted(tensor.replace("size", "\\n\\u2028".repeat(1_000))), "unknown-field"),
                arguments("a type to be made",
                        KINDS_TENSORS.replace("{\"id\"", "{\"@class\": \"java.lang.Runtime\", \"id\""),
                        "not-a-request"));
    }

    @ParameterizedTest(name = "{0}: {2}")
    @MethodSource("inferencesThatAreNone")
    void anInferenceThatIsNoneIsRefusedAndTheConnectionGoesOn(String what, String body, String reason) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.post("/v2/models/" + app.kinds + "/infer", "", RawHttp.bytes(body)));
            Answer answer = http.answer();
            assertThat(answer.status()).as(answer.toString()).isEqualTo(400);
            assertThat(answer.json().get("error").asText()).startsWith(reason + ": ").hasSizeLessThan(600);
            assertTellsNothingOfUs(answer);
            http.send(valid);
            assertThat(predictions(http.answer())).as("on the same connection").isEqualTo(right);
        }
    }

    private static String get(String path) {
        return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
    }

    private static String post(String headers, String body) {
        return "POST /v1/models/MODEL/score HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body;
    }

    private static String length(String text) {
        return "Content-Length: " + text.length() + "\r\n";
    }

    private static String zipped(String text) {
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(zipped)) {
            out.write(RawHttp.bytes(text));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return zipped.toString(StandardCharsets.ISO_8859_1);
    }

    /// Each is followed by a request that must not be answered when the connection was to end.
    static Stream<Arguments> requestsThatAreNone() {
        String typed = "Content-Type: TYPE\r\n" + length(RECORD);
        return Stream.of(
                // The line.
                arguments("no HTTP", "GARBAGE\r\n\r\n", 400, "bad-request"),
                arguments("TLS", "\u0016\u0003\u0001\u0000\u00a5\u0001\r\n\r\n", 400, "bad-request"),
                arguments("an empty line", "\r\n\r\n", 400, "bad-request"),
                arguments("HTTP/1.0", "GET /health HTTP/1.0\r\nHost: x\r\n\r\n", 400, "bad-request"),
                arguments("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad-request"),
                arguments("HTTP/9.9", "GET /health HTTP/9.9\r\nHost: x\r\n\r\n", 400, "bad-request"),
                arguments("no version", "GET /health\r\nHost: x\r\n\r\n", 400, "bad-request"),
                arguments("no method", " /health HTTP/1.1\r\nHost: x\r\n\r\n", 405, "method-not-allowed"),
                arguments("a method of control characters", "G\u0001T /health HTTP/1.1\r\nHost: x\r\n\r\n", 400,
                        "bad-request"),
                arguments("no path", "GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad-request"),
                arguments("lines that end in LF", "GET /health HTTP/1.1\nHost: x\n\n", 400, "bad-request"),
                arguments("a line of 5,000", get("/" + "y".repeat(5_000)), 414, "line-too-long"),
                // Headers.
                arguments("a header of 9,000",
                        "GET /health HTTP/1.1\r\nHost: x\r\nX: " + "y".repeat(9_000) + "\r\n\r\n", 400, "bad-request"),
                arguments("2,000 headers", "GET /health HTTP/1.1\r\nHost: x\r\n" + "X: y\r\n".repeat(2_000) + "\r\n",
                        400, "bad-request"),
                arguments("a header without colon", "GET /health HTTP/1.1\r\nHost: x\r\nX\r\n\r\n", 400, "bad-request"),
                arguments("a header's name with a space", "GET /health HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n", 400,
                        "bad-request"),
                arguments("a header folded", "GET /health HTTP/1.1\r\nHost: x\r\nX: y\r\n z: 1\r\n\r\n", 400,
                        "bad-request"),
                arguments("a header with NUL", "GET /health HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n", 400, "bad-request"),
                arguments("a header that ends in CR", "GET /health HTTP/1.1\r\nHost: x\r\nX: y\rZ: 1\r\n\r\n", 400,
                        "bad-request"),
                arguments("no Host", "GET /health HTTP/1.1\r\n\r\n", 400, "bad-request"),
                arguments("two Hosts", "GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "bad-request"),
                arguments("a Host with a port that is none", "GET /health HTTP/1.1\r\nHost: x:y\r\n\r\n", 400,
                        "bad-request"),
                arguments("a Host with a slash", "GET /health HTTP/1.1\r\nHost: x/y\r\n\r\n", 400, "bad-request"),
                // Paths.
                arguments("an escape that is none", get("/v1/models/%zz"), 400, "bad-request"),
                arguments("an escape cut short", get("/v1/models/%4"), 400, "bad-request"),
                arguments("NUL in a path", get("/v1/models/%00"), 404, "unknown-model"),
                arguments("a line break in a path", get("/v1/models/a%0d%0aSet-Cookie:%20x"), 404, "unknown-model"),
                arguments("a slash in a name", get("/v1/models/a%2fb"), 404, "unknown-path"),
                arguments("overlong UTF-8 in a path", get("/v1/models/%c0%ae"), 404, "unknown-model"),
                arguments("up and up", get("/v1/models/../../../etc/passwd"), 404, "unknown-path"),
                arguments("up and up, escaped", get("/v1/models/%2e%2e/%2e%2e/etc/passwd"), 404, "unknown-path"),
                arguments("another slash", get("//v1//models//x"), 404, "unknown-model"),
                arguments("a long name", get("/v1/models/" + "x".repeat(3_000)), 404, "unknown-model"),
                arguments("bytes that are no ASCII", get("/v1/models/\u00fc"), 404, "unknown-model"),
                arguments("a star", get("*"), 404, "unknown-path"),
                arguments("to connect elsewhere", "CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n", 404,
                        "unknown-path"),
                arguments("a query that is no number", get("/v1/models/MODEL/admissions?after=x"), 400, "bad-query"),
                arguments("a query that is empty", get("/v1/models/MODEL/admissions?after="), 400, "bad-query"),
                arguments("a query beyond a long", get("/v1/models/MODEL/admissions?after=" + "9".repeat(30)), 400,
                        "bad-query"),
                arguments("an escape in a query that is none", get("/v1/models/MODEL/admissions?after=%zz"), 400,
                        "bad-request"),
                arguments("an unknown model",
                        "POST /v1/models/other/score HTTP/1.1\r\nHost: x\r\n" + length(RECORD) + "\r\n" + RECORD, 404,
                        "unknown-model"),
                // Methods.
                arguments("GET to score", get("/v1/models/MODEL/score"), 405, "method-not-allowed"),
                arguments("PUT", post(length(RECORD), RECORD).replace("POST", "PUT"), 405, "method-not-allowed"),
                arguments("PATCH", post(length(RECORD), RECORD).replace("POST", "PATCH"), 405, "method-not-allowed"),
                arguments("DELETE", get("/v1/models/MODEL").replace("GET", "DELETE"), 405, "method-not-allowed"),
                arguments("TRACE", get("/health").replace("GET", "TRACE"), 405, "method-not-allowed"),
                arguments("OPTIONS", get("/metrics").replace("GET", "OPTIONS"), 405, "method-not-allowed"),
                arguments("a method nobody knows", get("/v1/models").replace("GET", "BREW"), 405, "method-not-allowed"),
                // Lengths.
                arguments("no length", post("", ""), 400, "bad-json"),
                arguments("a negative length", post("Content-Length: -5\r\n", ""), 400, "bad-body"),
                arguments("a length with a sign", post("Content-Length: +5\r\n", RECORD), 400, "bad-body"),
                arguments("a hexadecimal length", post("Content-Length: 0x10\r\n", RECORD), 400, "bad-body"),
                arguments("an empty length", post("Content-Length:\r\n", RECORD), 400, "bad-body"),
                arguments("a length beyond a long", post("Content-Length: " + "9".repeat(30) + "\r\n", RECORD), 400,
                        "bad-body"),
                arguments("two lengths", post(length(RECORD) + "Content-Length: 5\r\n", RECORD), 400, "bad-body"),
                arguments("two lengths in one", post("Content-Length: 5, 5\r\n", RECORD), 400, "bad-body"),
                arguments("length and chunks", post(length(RECORD) + "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                        400, "bad-body"),
                arguments("chunks of something else", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 400,
                        "bad-body"),
                arguments("another encoding", post("Transfer-Encoding: identity\r\n", ""), 400, "bad-body"),
                arguments("chunks, twice",
                        post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400,
                        "bad-body"),
                arguments("a chunk without size", post("Transfer-Encoding: chunked\r\n", "\r\n" + RECORD), 400,
                        "bad-body"),
                arguments("a chunk of size zz", post("Transfer-Encoding: chunked\r\n", "zz\r\n" + RECORD), 400,
                        "bad-body"),
                arguments("a chunk of size -1", post("Transfer-Encoding: chunked\r\n", "-1\r\n" + RECORD), 400,
                        "bad-body"),
                arguments("a chunk beyond an int", post("Transfer-Encoding: chunked\r\n", "ffffffff\r\n" + RECORD), 400,
                        "bad-body"),
                arguments("a chunk beyond a long",
                        post("Transfer-Encoding: chunked\r\n", "f".repeat(20) + "\r\n" + RECORD), 400, "bad-body"),
                arguments("a declared 100 MB", post("Content-Length: 104857600\r\n", ""), 413, "body-too-large"),
                arguments("a declared 100 MB, and may I?",
                        post("Expect: 100-continue\r\nContent-Length: 104857600\r\n", ""), 413, "body-too-large"),
                // What it says to hold.
                arguments("text", post(typed.replace("TYPE", "text/plain"), RECORD), 415, "wrong-content-type"),
                arguments("XML", post(typed.replace("TYPE", "application/xml"), RECORD), 415, "wrong-content-type"),
                arguments("a form of parts", post(typed.replace("TYPE", "multipart/form-data; boundary=x"), RECORD),
                        415, "wrong-content-type"),
                arguments("no type", post(typed.replace("TYPE", "json"), RECORD), 415, "wrong-content-type"),
                arguments("JSON in UTF-16", post(typed.replace("TYPE", "application/json; charset=utf-16"), RECORD),
                        415, "wrong-content-type"),
                arguments("gzip", post("Content-Encoding: gzip\r\n" + length(zipped(RECORD)), zipped(RECORD)), 415,
                        "wrong-content-encoding"),
                arguments("gzip that it does not say", post(length(zipped(RECORD)), zipped(RECORD)), 400, "bad-json"));
    }

    @ParameterizedTest(name = "{0}: {2} {3}")
    @MethodSource("requestsThatAreNone")
    void aRequestThatIsNoneIsRefused(String what, String request, int status, String reason) {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.bytes(request.replace("MODEL", app.flights)));
            Answer answer = http.answer();
            assertRefused(answer, status, reason);
            http.send(valid);
            if (answer.endsConnection()) {
                // Until the client has sent all, the server reads for half a second what it won't answer.
                assertThat(http.endOfRequests().read()).as("after the end").isNull();
            } else {
                assertThat(predictions(http.answer())).as("on the same connection").isEqualTo(right);
            }
        }
    }

    /// The server does not wait for the client to end: half a second after its answer it does so itself.
    @Test
    void aConnectionIsEndedAfterARefusalThoughTheClientStays() {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.bytes("NO REQUEST\r\n\r\n"));
            assertThat(http.answer().endsConnection()).isTrue();
            assertThat(http.read()).isNull();
        }
    }

    /// What comes behind in the same packet is the body's rest to one reader and a request to another: neither is
    /// answered.
    @Test
    void aRequestHiddenInABodyIsNeverAnswered() {
        String hidden = get("/metrics");
        for (String headers : List.of("Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: xchunked\r\n",
                "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 0\r\nContent-Length: 5\r\n",
                "Content-Length: 104857600\r\n")) {
            try (RawHttp http = RawHttp.connect(app.port())) {
                http.send(RawHttp.bytes(post(headers, hidden).replace("MODEL", app.flights)));
                Answer answer = http.answer();
                assertThat(answer.status()).as(headers).isBetween(400, 499);
                assertThat(http.endOfRequests().read()).as(headers).isNull();
            }
        }
    }

    @Test
    void aBodyThatEndsEarlyIsRefused() {
        for (String body : List.of(post("Content-Length: 1000\r\n", RECORD),
                post("Transfer-Encoding: chunked\r\n", "7fffffff\r\n" + RECORD),
                post("Transfer-Encoding: chunked\r\n", "5\r\n{\"dis\r\n"))) {
            try (RawHttp http = RawHttp.connect(app.port())) {
                http.send(RawHttp.bytes(body.replace("MODEL", app.flights)));
                assertRefused(http.endOfRequests().answer(), 400, "bad-body");
            }
        }
    }

    @Test
    void aRequestThatEndsBeforeItsHeadersDoEndsTheConnection() {
        String whole = post(length(RECORD), RECORD).replace("MODEL", app.flights);
        for (int end = 1; end < whole.indexOf("\r\n\r\n") + 4; end += 7) {
            try (RawHttp http = RawHttp.connect(app.port())) {
                http.send(RawHttp.bytes(whole.substring(0, end)));
                Answer answer = http.endOfRequests().read();
                if (answer != null) {
                    assertThat(answer.status()).isEqualTo(400);
                    assertTellsNothingOfUs(answer);
                }
            }
        }
    }

    @Test
    void anAnswerToHeadHasNoBody() {
        try (RawHttp http = RawHttp.connect(app.port())) {
            http.send(RawHttp.bytes(get("/health").replace("GET", "HEAD")));
            Answer answer = http.readHead();
            assertThat(answer).isNotNull();
            assertThat(answer.status()).isEqualTo(405);
            assertThat(answer.headers()).containsEntry("allow", "GET");
            http.send(valid);
            assertThat(predictions(http.answer())).isEqualTo(right);
        }
    }

    /// A body, a chunk and a chunk's extension without end: refused after a bounded number of bytes.
    @Test
    void whatHasNoEndIsRefusedAtItsBound() {
        String chunked = "Transfer-Encoding: chunked\r\n";
        for (Map.Entry<String, String> endless : Map.of(post(chunked, ""), "400\r\n" + "x".repeat(0x400) + "\r\n",
                post(chunked, "7fffffff\r\n"), "x".repeat(1024), post(chunked, "1;"), "x".repeat(1024),
                get("/health").replace("\r\n\r\n", "\r\n" + chunked + "\r\n"), "400\r\n" + "x".repeat(0x400) + "\r\n")
                .entrySet()) {
            byte[] more = RawHttp.bytes(endless.getValue());
            try (RawHttp http = RawHttp.connect(app.port())) {
                http.send(RawHttp.bytes(endless.getKey().replace("MODEL", app.flights)));
                int sent = 0;
                while (http.send(more)) {
                    sent += more.length;
                    assertThat(sent).as(endless.getKey()).isLessThan(64 << 20);
                }
            }
        }
    }

    @Test
    void theReasonWhyABodyIsTooLargeReachesAClientThatIsStillSending() {
        byte[] large = RawHttp.bytes("[" + (RECORD + ",").repeat(12_000) + RECORD + "]");
        assertThat(large.length).isGreaterThan(1 << 20);
        for (int attempt = 0; attempt < 20; attempt++) {
            assertRefused(answerTo(RawHttp.post(scorePath(), "", large)), 413, "body-too-large");
        }
    }

    @Test
    void aClientThatGoesAwayInTheMiddleLeavesNoTrace() {
        for (int attempt = 0; attempt < 50; attempt++) {
            try (RawHttp http = RawHttp.connect(app.port())) {
                http.send(attempt % 2 == 0 ? valid : java.util.Arrays.copyOf(valid, valid.length - 9));
            }
        }
    }

    /// Valid requests with bytes flipped, cut, repeated and replaced by what parsers stumble over.
    @LongProof("thousands of damaged requests")
    @Test
    void aMutatedRequestIsAnsweredOrRefused() {
        long seed = Long.getLong("seed", 20_260_611L);
        System.out.println("mutations: " + MUTATIONS + ", -Dseed=" + seed);
        List<String> requests = List.of(new String(valid, StandardCharsets.ISO_8859_1),
                new String(RawHttp.post("/v1/models/" + app.kinds + "/score", "Content-Type: application/json\r\n",
                        RawHttp.bytes("[" + KINDS + "," + KINDS + "]")), StandardCharsets.ISO_8859_1),
                post("Transfer-Encoding: chunked\r\n",
                        "5\r\n" + RECORD.substring(0, 5) + "\r\n" + Integer.toHexString(RECORD.length() - 5) + "\r\n"
                                + RECORD.substring(5) + "\r\n0\r\n\r\n")
                        .replace("MODEL", app.flights),
                new String(RawHttp.post("/v2/models/" + app.kinds + "/infer", "", RawHttp.bytes(KINDS_TENSORS)),
                        StandardCharsets.ISO_8859_1),
                get("/v2/models/" + app.flights + "/versions/1.300/ready"),
                get("/v1/models/" + app.flights + "/admissions?after=0"), get("/metrics"));
        SplittableRandom random = new SplittableRandom(seed);
        Map<Integer, Integer> answers = new TreeMap<>();
        for (int mutation = 0; mutation < MUTATIONS; mutation++) {
            String request = requests.get(random.nextInt(requests.size()));
            int bodyAt = request.indexOf("\r\n\r\n") + 4;
            // Mostly the body, with a length that is right: the rest is soon refused, and alike.
            byte[] sent = request.contains("Content-Length") && random.nextInt(4) > 0
                    ? RawHttp.post(request.split(" ")[1], "",
                            Mutation.of(RawHttp.bytes(request.substring(bodyAt)), random))
                    : Mutation.of(RawHttp.bytes(request), random);
            try (RawHttp http = RawHttp.connect(app.port())) {
                http.send(sent);
                http.endOfRequests();
                int count = 0;
                for (Answer answer = http.read(); answer != null; answer = http.read()) {
                    assertThat(answer.status() / 100).as("mutation %d of seed %d: %s", mutation, seed, answer).isIn(2,
                            4);
                    if (answer.status() / 100 == 4) {
                        assertTellsNothingOfUs(answer);
                        JsonNode told = answer.json();
                        assertThat(told.has("reason") ? told.get("reason") : told.get("error"))
                                .as("mutation %d of seed %d: %s", mutation, seed, answer).isNotNull();
                    }
                    answers.merge(answer.status(), 1, Integer::sum);
                    count++;
                }
                answers.merge(count == 0 ? 0 : -count, 1, Integer::sum);
            }
        }
        System.out.println("answers by status (0: none; -n: requests with n answers): " + answers);
        assertThat(answers.get(200)).isGreaterThan(MUTATIONS / 100);
        assertThat(answers.get(400)).isGreaterThan(MUTATIONS / 4);
    }

    @Test
    void refusalsAreCountedByReasonInAsManySeriesAsThereAreReasons() {
        Map<String, Double> before = refusals();
        assertThat(before).hasSize(4 * ProblemReason.values().length); // three models and none
        for (int i = 0; i < 5; i++) {
            answerTo(RawHttp.post(scorePath(), "", RawHttp.bytes("{")));
            answerTo(RawHttp.bytes(get("/v1/models/unknown-" + i)));
            answerTo(RawHttp.bytes("GARBAGE-" + i + "\r\n\r\n"));
            answerTo(RawHttp.bytes(get("/v1/models/never")));
        }
        Map<String, Double> after = refusals();
        assertThat(after.keySet()).isEqualTo(before.keySet());
        after.replaceAll((series, count) -> count - before.getOrDefault(series, 0.0));
        after.values().removeIf(count -> count == 0);
        assertThat(after).containsOnly(Map.entry(app.flights + " bad-json", 5.0), Map.entry("- unknown-model", 5.0),
                Map.entry("- bad-request", 5.0), Map.entry("never not-ready", 5.0));
    }

    /// `model reason` → count, of every series there is.
    private Map<String, Double> refusals() {
        Answer answer = answerTo(RawHttp.bytes(get("/metrics")));
        Matcher series =
                Pattern.compile("tidegrad_scorer_requests_refused_total\\{model=\"(.*)\",reason=\"(.*)\"} (.*)")
                        .matcher(answer.body());
        Map<String, Double> counts = new TreeMap<>();
        while (series.find()) {
            counts.put(series.group(1) + " " + series.group(2), Double.parseDouble(series.group(3)));
        }
        return counts;
    }

    private static final List<String> PARSED_HEADERS = List.of("Accept", "Accept-Charset", "Accept-Encoding",
            "Accept-Language", "Authorization", "Connection", "Content-Encoding", "Content-Length", "Content-Type",
            "Cookie", "Date", "Expect", "Forwarded", "Host", "If-Modified-Since", "If-None-Match", "Keep-Alive",
            "Origin", "Range", "TE", "Tidegrad-Key", "Trailer", "Transfer-Encoding", "Upgrade", "Via",
            "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port");

    private static final List<String> HEADER_PIECES =
            List.of("application/json", "text/*", "*/*", "charset", "UTF-8", "gzip", "chunked", "100-continue", "close",
                    "keep-alive", "bytes", "x", "1", "-1", "99999999999999999999", "q", "=", "\"", "\\", ";", ",", "/",
                    " ", "\t", "*", "%", "%zz", "'", "[", "]", "::1", ":", "@", "<", "(", "\u00e9");

    private static final List<String> BAD_CONTENT_TYPES =
            List.of("application/json; charset=\"", "application/json; a=\"", "application/json; a=\"\\",
                    "application/json; =", "application/json;;;=\"", "/", ";", "\"");

    @Test
    void aContentTypeThatIsNoneIsRefusedAsSuchWhateverTheParserMakesOfIt() {
        for (String type : BAD_CONTENT_TYPES) {
            Answer answer =
                    answerTo(RawHttp.post(scorePath(), "Content-Type: " + type + "\r\n", RawHttp.bytes(RECORD)));
            assertThat(answer.status()).as(type + ": " + answer).isIn(200, 415);
            assertThat(answer.status() == 200 || answer.body().contains("wrong-content-type")).as(type + ": " + answer)
                    .isTrue();
        }
    }

    /// Every header that somebody on the way parses, with values put together of what makes parsers stumble.
    @LongProof("thousands of requests")
    @Test
    void noHeaderIsADefect() {
        SplittableRandom random = new SplittableRandom(20261127);
        byte[] body = RawHttp.bytes(RECORD);
        for (int i = 0; i < MUTATIONS; i++) {
            StringBuilder header = new StringBuilder(one(PARSED_HEADERS, random)).append(": ");
            for (int piece = random.nextInt(6); piece >= 0; piece--) {
                header.append(one(HEADER_PIECES, random));
            }
            byte[] request = i % 3 == 0 ? RawHttp.bytes("GET /metrics HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n")
                    : RawHttp.post(scorePath(), header + "\r\n", body);
            try (RawHttp http = RawHttp.connect(app.port())) {
                http.send(request);
                Answer answer = http.endOfRequests().read();
                if (answer != null) {
                    assertThat(answer.status()).as("%s: %s", header, answer).isNotEqualTo(500);
                }
            }
        }
    }

    private static String one(List<String> of, SplittableRandom random) {
        return of.get(random.nextInt(of.size()));
    }

    /// Counted as what they are: no status 500, and no word in the log.
    @Test
    void clientsThatResetInTheMiddleOfABodyAreNoMistakeOfTheServer() throws IOException {
        double before = metric("tidegrad_scorer_connections_ended_total", "aborted");
        for (int i = 0; i < 50; i++) {
            try (Socket socket = new Socket("127.0.0.1", app.port())) {
                socket.getOutputStream().write(
                        RawHttp.bytes("POST " + scorePath() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{"));
                socket.setSoLinger(true, 0); // a reset
            }
        }
        Awaitility.await().atMost(Duration.ofMinutes(1))
                .until(() -> metric("tidegrad_scorer_connections_ended_total", "aborted") >= before + 50);
        assertThat(metric("tidegrad_scorer_requests_refused_total", "internal")).isZero();
        assertThat(scrape()).doesNotContain("status=\"500\"").contains("status=\"499\"");
    }

    private String scrape() {
        return answerTo(RawHttp.bytes("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")).body();
    }

    /// Summed over models.
    private double metric(String name, String reason) {
        return scrape().lines()
                .filter(line -> line.startsWith(name + "{") && line.contains("reason=\"" + reason + "\""))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1))).sum();
    }
}
