package io.tidegrad.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.schemas.SchemaRegistry.IncompatibleSchemaException;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.SchemaRegistry.UnknownSchemaException;
import io.tidegrad.schemas.SchemaRegistry.UnsupportedSchemaException;
import java.io.IOException;
import java.net.ServerSocket;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class RestSchemaRegistryTest {
    private static final Schema POINT = new Schema.Parser()
            .parse("{\"type\":\"record\",\"name\":\"Point\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}");
    private static final String POINT_BODY = "{\"schema\":\"" + POINT.toString().replace("\"", "\\\"") + "\"}";

    /// So patient that a busy machine is no reason to give up.
    private static SchemaRegistry connect(String url) {
        return connect(url, 60_000);
    }

    private static SchemaRegistry connect(String url, int patienceMillis) {
        return SchemaRegistry.connect(Map.of("schema.registry.url", url, "http.connect.timeout.ms", "60000",
                "http.read.timeout.ms", "" + patienceMillis));
    }

    @Test
    void aSchemaIsAskedForOnce() throws Exception {
        try (StubRegistry stub = StubRegistry.answering(200, POINT_BODY);
                SchemaRegistry registry = connect(stub.url() + "/apis/ccompat/v7/")) {
            assertThat(registry.schemaById(7)).isEqualTo(POINT);
            assertThat(registry.schemaById(7)).isEqualTo(POINT);
            assertThat(stub.requests).containsExactly("GET /apis/ccompat/v7/schemas/ids/7");
        }
    }

    @Test
    void aRegistrysNotFoundIsAnUnknownSchemaAndIsNotAskedAgainAtOnce() throws Exception {
        try (StubRegistry stub = StubRegistry.answering(404, "{\"error_code\":40403,\"message\":\"Schema not found\"}");
                SchemaRegistry registry = connect(stub.url())) {
            for (int i = 0; i < 3; i++) {
                assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(UnknownSchemaException.class)
                        .hasMessageContaining("schema id 7");
            }
            assertThat(stub.requests).hasSize(1);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"<html>no such page</html>", "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}", ""})
    void anyOther404MeansAWrongUrlNotAnUnknownSchema(String body) throws Exception {
        try (StubRegistry stub = StubRegistry.answering(404, body); SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(RegistryUnavailableException.class)
                    .hasMessageContaining("check schema.registry.url");
        }
    }

    @ParameterizedTest
    @CsvSource({"500", "503", "429", "401", "301"})
    void otherStatusesMeanTryAgain(int status) throws Exception {
        try (StubRegistry stub = StubRegistry.answering(status, "{\"error_code\":1,\"message\":\"no\"}");
                SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(RegistryUnavailableException.class)
                    .hasMessageContaining(String.valueOf(status)).hasMessageContaining(stub.url());
        }
    }

    @Test
    void aRegistryThatAnswersTooSlowlyIsUnavailable() throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        try (StubRegistry stub = new StubRegistry(exchange -> {
            // Headers at once, then a body that does not come.
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write('{');
            exchange.getResponseBody().flush();
            awaitQuietly(done);
        }); SchemaRegistry registry = connect(stub.url(), 1_000)) {
            assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(RegistryUnavailableException.class)
                    .hasMessageContaining("within 1000 ms");
            done.countDown();
        }
    }

    private static void awaitQuietly(CountDownLatch latch) throws IOException {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Test
    void anEndlessAnswerIsCutOff() throws Exception {
        byte[] chunk = new byte[1 << 16];
        try (StubRegistry stub = new StubRegistry(exchange -> {
            exchange.sendResponseHeaders(200, 0);
            while (true) {
                exchange.getResponseBody().write(chunk);
            }
        }); SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", stub.url()))) {
            assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(RegistryUnavailableException.class);
        }
    }

    @Test
    void nobodyThereIsUnavailable() throws Exception {
        int port;
        try (ServerSocket socket = new ServerSocket(0)) {
            port = socket.getLocalPort();
        }
        try (SchemaRegistry registry = connect("http://127.0.0.1:" + port)) {
            assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(RegistryUnavailableException.class)
                    .hasMessageContaining("127.0.0.1:" + port);
        }
    }

    @Test
    void theSecondUrlIsAskedWhenTheFirstFailsAndThenComesFirst() throws Exception {
        try (StubRegistry broken = StubRegistry.answering(503, "");
                StubRegistry well = StubRegistry.answering(200, POINT_BODY);
                SchemaRegistry registry = connect(broken.url() + "," + well.url())) {
            assertThat(registry.schemaById(1)).isEqualTo(POINT);
            assertThat(registry.schemaById(2)).isEqualTo(POINT);
            assertThat(broken.requests).hasSize(1);
            assertThat(well.requests).hasSize(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"schema\":\"{}\"}", "{\"schema\":\"no json\"}",
        "{\"schema\":\"message M {}\",\"schemaType\":\"PROTOBUF\"}",
        "{\"schema\":\"\\\"string\\\"\",\"references\":[{\"name\":\"a\",\"subject\":\"s\",\"version\":1}]}"})
    void whatIsNoAvroSchemaOfOnePieceIsUnsupported(String body) throws Exception {
        try (StubRegistry stub = StubRegistry.answering(200, body); SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(UnsupportedSchemaException.class)
                    .hasMessageContaining("schema id 7");
            assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(UnsupportedSchemaException.class);
            assertThat(stub.requests).hasSize(1);
        }
    }

    /// Only a registry's answer may turn events into dead letters.
    @ParameterizedTest
    @ValueSource(strings = {"{}", "[]", "", "{\"schema\":", "{\"schema\":7}", "<html>log in</html>"})
    void what200SaysWithoutASchemaIsNoRegistrysAnswer(String body) throws Exception {
        try (StubRegistry stub = StubRegistry.answering(200, body); SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(RegistryUnavailableException.class)
                    .hasMessageContaining(stub.url()).hasMessageContaining("check schema.registry.url");
        }
    }

    /// Asked again it would be as long: whoever waits for it waits for ever.
    @ParameterizedTest
    @ValueSource(ints = {2 << 20, 5 << 20})
    void aSchemaLongerThanIsTakenIsUnsupported(int length) throws Exception {
        String body = "{\"schema\":\"" + " ".repeat(length) + "\"}";
        try (StubRegistry stub = StubRegistry.answering(200, body);
                SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", stub.url()))) {
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(UnsupportedSchemaException.class)
                        .hasMessageContaining("expected a schema of at most 1048576 characters");
            }
            assertThat(stub.requests).hasSize(1);
        }
    }

    private static StubRegistry versions(String numbers) throws IOException {
        return new StubRegistry(exchange -> {
            String path = exchange.getRequestURI().getPath();
            String version = path.substring(path.lastIndexOf('/') + 1);
            if (version.equals("versions")) {
                StubRegistry.answer(exchange, 200, numbers);
            } else if (version.equals("2")) {
                StubRegistry.answer(exchange, 404, "{\"error_code\":40402,\"message\":\"Version 2 not found.\"}");
            } else {
                StubRegistry.answer(exchange, 200,
                        POINT_BODY.replace("{\"schema\"", "{\"id\":7" + version + ",\"schema\""));
            }
        });
    }

    @Test
    void theVersionsOfASubjectComeNewestFirstAndAreKeptUnderTheirIds() throws Exception {
        try (StubRegistry stub = versions("[1, 10, 3]"); SchemaRegistry registry = connect(stub.url())) {
            assertThat(registry.versions("a b-value", 2)).containsExactly(new SchemaRegistry.Registered(710, POINT),
                    new SchemaRegistry.Registered(73, POINT));
            assertThat(registry.schemaById(710)).isEqualTo(POINT);
            assertThat(stub.requests).containsExactly("GET /subjects/a%20b-value/versions",
                    "GET /subjects/a%20b-value/versions/10", "GET /subjects/a%20b-value/versions/3");
        }
    }

    @Test
    void aSubjectWithoutVersionsIsUnknown() throws Exception {
        try (StubRegistry stub =
                StubRegistry.answering(404, "{\"error_code\":40401,\"message\":\"Subject 'x' not found.\"}");
                SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.versions("x", 9)).isInstanceOf(UnknownSchemaException.class)
                    .hasMessageContaining("subject x").hasMessageContaining("Subject 'x' not found.");
        }
        try (StubRegistry stub = versions("[]"); SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.versions("x", 9)).isInstanceOf(UnknownSchemaException.class)
                    .hasMessageContaining("no version");
        }
    }

    @Test
    void aVersionThatWasDeletedMeanwhileIsLeftOut() throws Exception {
        try (StubRegistry stub = versions("[1, 2, 3]"); SchemaRegistry registry = connect(stub.url())) {
            assertThat(registry.versions("x", 9)).extracting(SchemaRegistry.Registered::id).containsExactly(73, 71);
        }
    }

    @Test
    void aSubjectOfWhichNoVersionCanBeReadIsNotOneWithoutVersions() throws Exception {
        try (StubRegistry stub = new StubRegistry(exchange -> StubRegistry.answer(exchange, 200,
                exchange.getRequestURI().getPath().endsWith("/versions") ? "[1, 2]"
                        : "{\"id\": 7, \"schemaType\": \"PROTOBUF\", \"schema\": \"message M {}\"}"));
                SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.versions("x", 9)).isInstanceOf(UnsupportedSchemaException.class)
                    .hasMessageContainingAll("subject x", "version 2", "PROTOBUF, expected AVRO");
        }
        try (StubRegistry stub = versions("[2]"); SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.versions("x", 9)).isInstanceOf(UnknownSchemaException.class)
                    .hasMessageContainingAll("subject x", "deleted meanwhile");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"[1, \"two\"]", "[1.5]", "[99999999999]", "{\"1\": 1}"})
    void whatIsNoListOfVersionsMeansTryAgain(String answer) throws Exception {
        try (StubRegistry stub = versions(answer); SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.versions("x", 9)).isInstanceOf(RegistryUnavailableException.class)
                    .hasMessageContaining("something else than versions");
        }
    }

    private static Schema parsed(String schema) throws Exception {
        String body = "{\"schema\":\"" + schema.replace("\"", "\\\"").replace("\n", " ") + "\"}";
        try (StubRegistry stub = StubRegistry.answering(200, body); SchemaRegistry registry = connect(stub.url())) {
            return registry.schemaById(7);
        }
    }

    /// Avro resolves types that are named before they are defined recursively.
    @Test
    void aLongChainOfTypesThatAreDefinedLaterIsASchema() throws Exception {
        int types = 9_000;
        StringBuilder schema = new StringBuilder(
                "{\"type\": \"record\", \"name\": \"Top\", \"fields\": [{\"name\": \"x\", \"type\": \"R0\"}");
        for (int i = 0; i < types; i++) {
            schema.append((",{\"name\":\"f%d\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"R%d\","
                    + "\"fields\":[{\"name\":\"n\",\"type\":\"R%d\"}]}]}").formatted(i, i, i + 1));
        }
        schema.append(",{\"name\":\"last\",\"type\":{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[]}}]}"
                .formatted(types));
        assertThat(parsed(schema.toString()).getFields()).hasSize(types + 2);
    }

    /// Checking the default of the last goes through 2^60 fields.
    @Test
    @Timeout(60)
    void defaultsThatContainEachOtherAreNotFollowed() throws Exception {
        StringBuilder schema = new StringBuilder("""
                        {"type": "record", "name": "Top", "fields": [
                          {"name": "l0", "type": {"type": "record", "name": "L0", "fields": []}}""");
        for (int i = 1; i <= 60; i++) {
            schema.append("""
                    ,{"name": "l%d", "default": {}, "type": {"type": "record", "name": "L%d", "fields": [
                      {"name": "a", "type": "L%d", "default": {}},
                      {"name": "b", "type": "L%d", "default": {}}]}}""".formatted(i, i, i - 1, i - 1));
        }
        assertThat(parsed(schema + "]}").getFields()).hasSize(61);
    }

    @Test
    void schemasThatAreKeptAreForgottenBeforeTheyTakeMoreThanOneMayTake() throws Exception {
        String padding = " ".repeat(400_000);
        String body = POINT_BODY.replace("{\\\"type", padding + "{\\\"type");
        try (StubRegistry stub = StubRegistry.answering(200, body);
                SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", stub.url()))) {
            for (int id : new int[]{1, 2, 1, 2, 3, 3, 1}) {
                assertThat(registry.schemaById(id)).isEqualTo(POINT);
            }
            assertThat(stub.requests.stream().map(of -> of.replaceAll(".*/", ""))).containsExactly("1", "2", "3", "1");
        }
    }

    /// The first URL hangs; what is left of the time is the second's.
    @Test
    void aSlowUrlLeavesTimeForTheNext() throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        try (StubRegistry slow = new StubRegistry(exchange -> awaitQuietly(done));
                StubRegistry well = StubRegistry.answering(200, POINT_BODY);
                SchemaRegistry registry = connect(slow.url() + "," + well.url(), 6_000)) {
            assertThat(registry.schemaById(1)).isEqualTo(POINT);
            assertThat(slow.requests).hasSize(1);
            done.countDown();
        }
    }

    @Test
    void aSchemaNestedToDeathIsUnsupportedNotAStackOverflow() throws Exception {
        String nested =
                "{\\\"type\\\":\\\"array\\\",\\\"items\\\":".repeat(100_000) + "\\\"int\\\"" + "}".repeat(100_000);
        try (StubRegistry stub = StubRegistry.answering(200, "{\"schema\":\"" + nested + "\"}");
                SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", stub.url()))) {
            assertThatThrownBy(() -> registry.schemaById(7)).isInstanceOf(UnsupportedSchemaException.class);
        }
    }

    @Test
    void anIncompatibleSchemaIsRefusedWithTheRegistrysReason() throws Exception {
        try (StubRegistry stub = StubRegistry.answering(409, "{\"error_code\":409,\"message\":\"x has no default\"}");
                SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.register("points-value", POINT))
                    .isInstanceOf(IncompatibleSchemaException.class).hasMessageContaining("points-value")
                    .hasMessageContaining("x has no default");
        }
    }

    @Test
    void registeringTheSameAgainAsksOnceAndSubjectsAreEscaped() throws Exception {
        try (StubRegistry stub = StubRegistry.answering(200, "{\"id\":12}");
                SchemaRegistry registry = connect(stub.url())) {
            assertThat(registry.register("a/b c-value", POINT)).isEqualTo(12);
            assertThat(registry.register("a/b c-value", POINT)).isEqualTo(12);
            assertThat(stub.requests).containsExactly("POST /subjects/a%2Fb%20c-value/versions");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"id\":-1}", "{\"id\":99999999999}", "{\"id\":\"1\"}", "{}"})
    void anIdOutsideItsRangeIsNotTaken(String body) throws Exception {
        try (StubRegistry stub = StubRegistry.answering(200, body); SchemaRegistry registry = connect(stub.url())) {
            assertThatThrownBy(() -> registry.register("points-value", POINT))
                    .isInstanceOf(RegistryUnavailableException.class);
        }
    }

    @Test
    void userAndPasswordAreSentAndNeverShown() throws Exception {
        try (StubRegistry stub = StubRegistry.answering(401, "");
                SchemaRegistry byUserInfo = SchemaRegistry.connect(Map.of("schema.registry.url", stub.url(),
                        "basic.auth.credentials.source", "USER_INFO", "basic.auth.user.info", "ada:secret"));
                SchemaRegistry byUrl = connect(stub.url().replace("http://", "http://ada:secret@"))) {
            assertThatThrownBy(() -> byUserInfo.schemaById(1)).hasMessageContaining("basic.auth.user.info")
                    .hasMessageNotContaining("secret");
            assertThatThrownBy(() -> byUrl.schemaById(1)).hasMessageNotContaining("secret");
            // base64 of ada:secret
            assertThat(stub.authorizations).containsOnly("Basic YWRhOnNlY3JldA==");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|',
            value = {"schema.registry.url | ftp://host | http or https",
                "schema.registry.url | 127.0.0.1:8081 | http or https", "schema.registry.url | '' | is not set",
                "basic.auth.credentials.source | SASL_INHERIT | expected USER_INFO or URL",
                "basic.auth.credentials.source | USER_INFO | needs user:password",
                "http.read.timeout.ms | soon | positive number of milliseconds",
                "http.read.timeout.ms | 0 | positive number of milliseconds",
                "schema.registry.ssl.truststore.location | t.jks | javax.net.ssl.trustStore",
                "bearer.auth.token | t | not supported"})
    void aWrongSettingIsRefusedByName(String key, String value, String expected) {
        Map<String, String> config = new java.util.HashMap<>();
        config.put("schema.registry.url", "http://127.0.0.1:1");
        config.put(key, value);
        assertThatThrownBy(() -> SchemaRegistry.connect(config)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(key).hasMessageContaining(expected);
    }
}
