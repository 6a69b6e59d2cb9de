package io.tidegrad.schemas;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/// The registry over HTTP: Confluent's REST API, as Confluent's own server, Apicurio's `/apis/ccompat/v7` and others
/// speak it. Trusts nothing of what comes back: bounded in time and size, and read as what it claims to be. Safe for use
/// by several threads.
final class RestSchemaRegistry implements SchemaRegistry {
    // Confluent's error codes: the only 404 that means "I looked, and there is none". Any other 404
    // comes from a wrong
    // URL or from a proxy, and would turn every event into a dead letter.
    private static final int SUBJECT_NOT_FOUND = 40401;
    private static final int VERSION_NOT_FOUND = 40402;
    private static final int SCHEMA_NOT_FOUND = 40403;

    private static final long RESPONSE_BYTES_MAX = 4L << 20;
    private static final int CACHED_MAX = 10_000;
    // A burst of events with an unknown id costs one question per this time; a schema registered
    // late is seen after it.
    private static final long UNKNOWN_FOR_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final String CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final RegistryConfig config;
    private final Supplier<Duration> left;
    private final HttpClient http;
    private final Map<Integer, Schema> byId = new ConcurrentHashMap<>();
    private final Map<SubjectSchema, Integer> ids = new ConcurrentHashMap<>();
    private final Map<Integer, Long> unknownSince = new ConcurrentHashMap<>();
    private volatile int firstUrl; // index of the URL that answered last

    private record SubjectSchema(String subject, Schema schema) {}

    record Answer(int status, JsonNode body, URI uri) {
        int errorCode() {
            return body.path("error_code").asInt(0);
        }

        String message() {
            return body.path("message").asText("no message");
        }
    }

    RestSchemaRegistry(RegistryConfig config, Supplier<Duration> left) {
        this.config = config;
        this.left = left;
        this.http =
                HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .connectTimeout(config.connectTimeout())
                        .followRedirects(HttpClient.Redirect.NEVER)
                        .build();
    }

    @Override
    public Schema schemaById(int id) {
        Schema known = byId.get(id);
        if (known != null) {
            return known;
        }
        String what = "schema id " + id;
        Long since = unknownSince.get(id);
        if (since != null && System.nanoTime() - since < UNKNOWN_FOR_NANOS) {
            throw unknown(what, "a moment ago");
        }
        if (id < 0) {
            throw unknown(what, "ids are not negative");
        }
        Answer answer = ask("GET", "/schemas/ids/" + id, null);
        if (answer.status() == 404 && answer.errorCode() == SCHEMA_NOT_FOUND) {
            bounded(unknownSince).put(id, System.nanoTime());
            throw unknown(what, answer.uri() + " answered: " + answer.message());
        }
        Schema schema = schema(what, answer);
        bounded(byId).put(id, schema);
        return schema;
    }

    @Override
    public int register(String subject, Schema schema) {
        SubjectSchema key = new SubjectSchema(subject, schema);
        Integer known = ids.get(key);
        if (known != null) {
            return known;
        }
        Answer answer = ask("POST", "/subjects/" + encoded(subject) + "/versions", body(schema));
        if (answer.status() == 409 || answer.status() == 422) {
            throw new IncompatibleSchemaException(
                    "the registry refused schema "
                            + schema.getFullName()
                            + " for subject "
                            + subject
                            + " ("
                            + answer.status()
                            + " from "
                            + answer.uri()
                            + "): "
                            + answer.message()
                            + ". New fields need a default; or register under another subject");
        }
        return id(key, answer);
    }

    @Override
    public int idOf(String subject, Schema schema) {
        SubjectSchema key = new SubjectSchema(subject, schema);
        Integer known = ids.get(key);
        if (known != null) {
            return known;
        }
        Answer answer = ask("POST", "/subjects/" + encoded(subject), body(schema));
        if (notFound(answer)) {
            throw unknown(
                    "schema " + schema.getFullName() + " under subject " + subject,
                    answer.uri() + " answered: " + answer.message());
        }
        return id(key, answer);
    }

    @Override
    public Registered latestVersion(String subject) {
        String what = "the latest version of subject " + subject;
        Answer answer = ask("GET", "/subjects/" + encoded(subject) + "/versions/latest", null);
        if (notFound(answer)) {
            throw unknown(what, answer.uri() + " answered: " + answer.message());
        }
        Schema schema = schema(what, answer);
        int id = intField(answer, "id");
        bounded(byId).put(id, schema);
        return new Registered(id, schema);
    }

    @Override
    public void close() {
        http.shutdownNow();
        http.close();
    }

    private static boolean notFound(Answer answer) {
        return answer.status() == 404
                && List.of(SUBJECT_NOT_FOUND, VERSION_NOT_FOUND, SCHEMA_NOT_FOUND)
                        .contains(answer.errorCode());
    }

    private int id(SubjectSchema key, Answer answer) {
        required(answer, 200);
        int id = intField(answer, "id");
        bounded(ids).put(key, id);
        bounded(byId).putIfAbsent(id, key.schema());
        return id;
    }

    // A client that meets more than this many schemas is not being used as one; forgetting all
    // costs questions only.
    private static <K, V> Map<K, V> bounded(Map<K, V> cache) {
        if (cache.size() >= CACHED_MAX) {
            cache.clear();
        }
        return cache;
    }

    static Schema schema(String what, Answer answer) {
        JsonNode body = required(answer, 200);
        if (!body.path("schema").isTextual()) {
            // A login page, a proxy's greeting: taken for a bad schema, it would turn every event
            // into a dead letter.
            throw new RegistryUnavailableException(
                    answer.uri()
                            + " answered 200 without a \"schema\", which no registry does: check "
                            + RegistryConfig.URL
                            + " and what stands in between",
                    null);
        }
        String type = body.path("schemaType").asText("AVRO");
        if (!type.equals("AVRO")) {
            throw new UnsupportedSchemaException(what + " is of type " + type + ", expected AVRO");
        }
        if (!body.path("references").isEmpty()) {
            throw new UnsupportedSchemaException(
                    what
                            + " refers to other subjects, which is not supported: register one schema that"
                            + " contains all of its types");
        }
        try {
            // Names are what other languages' clients made them; only our own schemas must be
            // strict.
            return new Schema.Parser(NameValidator.UTF_VALIDATOR)
                    .parse(body.path("schema").textValue());
        } catch (RuntimeException malformed) {
            // Not only Avro's own: a name that nothing defines is a NullPointerException in 1.12.2.
            throw new UnsupportedSchemaException(
                    what + " is no valid Avro schema: " + malformed.getMessage());
        }
    }

    private static UnknownSchemaException unknown(String what, String why) {
        return new UnknownSchemaException(what + " is not in the registry (" + why + ")");
    }

    private static String body(Schema schema) {
        return JSON.createObjectNode().put("schema", schema.toString()).toString();
    }

    private static String encoded(String subject) {
        return URLEncoder.encode(subject, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static JsonNode required(Answer answer, int status) {
        if (answer.status() == status) {
            return answer.body();
        }
        if (answer.status() == 401 || answer.status() == 403) {
            throw new RegistryRefusedException(
                    "%s answered %d, expected %d: check %s and %s"
                            .formatted(
                                    answer.uri(),
                                    answer.status(),
                                    status,
                                    RegistryConfig.CREDENTIALS_SOURCE,
                                    RegistryConfig.USER_INFO));
        }
        String hint =
                switch (answer.status()) {
                    case 404 ->
                            "that is no registry's \"not found\": check "
                                    + RegistryConfig.URL
                                    + " and the path in it";
                    case 301, 302, 303, 307, 308 ->
                            "redirects are not followed: check " + RegistryConfig.URL;
                    default -> answer.message();
                };
        throw new RegistryUnavailableException(
                answer.uri()
                        + " answered "
                        + answer.status()
                        + ", expected "
                        + status
                        + ": "
                        + hint,
                null);
    }

    private static int intField(Answer answer, String name) {
        JsonNode field = answer.body().path(name);
        if (!field.isIntegralNumber() || !field.canConvertToInt() || field.intValue() < 0) {
            throw new RegistryUnavailableException(
                    answer.uri() + " answered without a usable \"" + name + "\"", null);
        }
        return field.intValue();
    }

    // Each URL once, beginning with the one that answered last. A slow one may take its share of
    // the time, never all: the next may answer.
    private Answer ask(String method, String path, @Nullable String body) {
        int first = firstUrl;
        int count = config.urls().size();
        long deadline =
                System.nanoTime()
                        + RegistryConfig.shorter(config.requestTimeout(), left.get()).toNanos();
        RegistryUnavailableException failure = null;
        for (int i = 0; i < count; i++) {
            int index = (first + i) % count;
            try {
                long share = (deadline - System.nanoTime()) / (count - i);
                Duration timeout = Duration.ofMillis(Math.max(1, Math.ceilDiv(share, 1_000_000)));
                Answer answer =
                        exchange(
                                URI.create(config.urls().get(index) + path), method, body, timeout);
                firstUrl = index;
                return answer;
            } catch (RegistryUnavailableException e) {
                if (failure != null) {
                    e.addSuppressed(failure);
                }
                failure = e;
            }
        }
        throw Objects.requireNonNull(failure, "no URL");
    }

    private Answer exchange(URI uri, String method, @Nullable String body, Duration timeout) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(uri)
                        .timeout(timeout)
                        .header("Accept", CONTENT_TYPE + ", application/json")
                        .method(
                                method,
                                body == null
                                        ? HttpRequest.BodyPublishers.noBody()
                                        : HttpRequest.BodyPublishers.ofString(body));
        if (body != null) {
            request.header("Content-Type", CONTENT_TYPE);
        }
        String authorization = config.authorization();
        if (authorization != null) {
            request.header("Authorization", authorization);
        }
        HttpResponse<byte[]> response = send(uri, request.build(), timeout);
        return answer(response.statusCode(), response.body(), uri);
    }

    static Answer answer(int status, byte[] body, URI uri) {
        JsonNode json;
        try {
            json = JSON.readTree(body);
        } catch (JsonProcessingException notJson) {
            json = JSON.missingNode();
        } catch (IOException e) {
            throw new RegistryUnavailableException(uri + " gave an unreadable answer: " + e, e);
        }
        Answer answer = new Answer(status, json, uri);
        if (answer.status() >= 500 || answer.status() == 429) {
            throw new RegistryUnavailableException(
                    uri + " answered " + answer.status() + ": " + answer.message(), null);
        }
        return answer;
    }

    private HttpResponse<byte[]> send(URI uri, HttpRequest request, Duration timeout) {
        CompletableFuture<HttpResponse<byte[]>> sent =
                http.sendAsync(
                        request,
                        BodyHandlers.limiting(BodyHandlers.ofByteArray(), RESPONSE_BYTES_MAX));
        try {
            // The request's own timeout ends with the headers; this one bounds the body as well.
            return sent.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            sent.cancel(true);
            throw new RegistryUnavailableException(
                    uri + " did not answer within " + timeout.toMillis() + " ms", e);
        } catch (ExecutionException e) {
            throw new RegistryUnavailableException(
                    e.getCause() instanceof ConnectException
                            ? "nobody takes the connection at "
                                    + uri
                                    + ": start the registry, or check "
                                    + RegistryConfig.URL
                            : "no answer from " + uri + ": " + e.getCause(),
                    e.getCause());
        } catch (InterruptedException e) {
            sent.cancel(true);
            Thread.currentThread().interrupt();
            throw new RegistryUnavailableException("interrupted while asking " + uri, e);
        }
    }
}
