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
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/// The registry over HTTP: Confluent's REST API, as Confluent's own server, Apicurio's `/apis/ccompat/v7` and others
/// speak it. Trusts nothing of what comes back: bounded in time and size, and read as what it claims to be. Safe for
/// use by several threads.
final class RestSchemaRegistry implements SchemaRegistry {
    // Confluent's error codes: the only 404 that means "I looked, and there is none". Any other 404
    // comes from a wrong
    // URL or from a proxy, and would turn every event into a dead letter.
    private static final int SUBJECT_NOT_FOUND = 40401;
    private static final int VERSION_NOT_FOUND = 40402;
    private static final int SCHEMA_NOT_FOUND = 40403;

    private static final int RESPONSE_BYTES_MAX = 4 << 20;

    /// Characters of all schemas that are kept, and so of one. A registry keeps schemas as records of Kafka, which are
    /// at most 1 MiB unless told otherwise. Parsed, a schema takes up to 55 bytes of memory a character, and while it
    /// is parsed 95.
    static final int SCHEMA_CHARS_MAX = 1 << 20;

    /// A text of this length can refer to types that come later about 250 times in a row; Avro resolves these
    /// recursively, and overflows a stack of 1 MiB between 250 and 2,000.
    private static final int SHALLOW_CHARS_MAX = 16 << 10;

    /// Of the thread that parses a longer text: enough for 10,000, which is what `SCHEMA_CHARS_MAX` has room for.
    private static final long DEEP_STACK_BYTES = 128L << 20;

    private static final Pattern SCHEMA_BEGINS = Pattern.compile("\\s*\\{.*?\"schema\"\\s*:\\s*\"", Pattern.DOTALL);
    private static final int MESSAGE_CHARS_MAX = 500;
    private static final int CACHED_MAX = 10_000;
    // A burst of events with an id that is refused costs one question per this time; a schema
    // registered late is seen after it.
    private static final long REFUSED_FOR_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final String CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final RegistryConfig config;
    private final RegistryPatience patience;
    private final HttpClient http;
    private final Map<Integer, Schema> byId = new ConcurrentHashMap<>();
    private final Map<SubjectSchema, Integer> ids = new ConcurrentHashMap<>();
    private final Map<Integer, Refused> refused = new ConcurrentHashMap<>();
    private int cachedChars; // of the schemas in `byId`
    private volatile int firstUrl; // index of the URL that answered last

    private record SubjectSchema(String subject, Schema schema) {
    }

    /// @param why one of the two exceptions that have no stack trace, so that it can be thrown again
    private record Refused(long since, RuntimeException why) {
    }

    /// @param cut whether it holds a schema, but was longer than is taken, so that its body is not there
    record Answer(int status, JsonNode body, boolean cut, URI uri) {
        int errorCode() {
            return body.path("error_code").asInt(0);
        }

        String message() {
            return body.path("message").asText("no message");
        }
    }

    RestSchemaRegistry(RegistryConfig config, RegistryPatience patience) {
        this.config = config;
        this.patience = patience;
        this.http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(config.connectTimeout())
                .followRedirects(HttpClient.Redirect.NEVER).build();
    }

    @Override
    public Schema schemaById(int id) {
        Schema known = byId.get(id);
        if (known != null) {
            return known;
        }
        String what = "schema id " + id;
        Refused before = refused.get(id);
        if (before != null && System.nanoTime() - before.since() < REFUSED_FOR_NANOS) {
            throw before.why();
        }
        if (id < 0) {
            throw unknown(what, "ids are not negative");
        }
        Answer answer = ask("GET", "/schemas/ids/" + id, null);
        try {
            if (answer.status() == 404 && answer.errorCode() == SCHEMA_NOT_FOUND) {
                throw unknown(what, answer.uri() + " answered: " + shortened(answer.message()));
            }
            Schema schema = schema(what, answer);
            keep(id, schema, text(answer).length());
            return schema;
        } catch (UnknownSchemaException | UnsupportedSchemaException refusal) {
            bounded(refused).put(id, new Refused(System.nanoTime(), refusal));
            throw refusal;
        }
    }

    @Override
    public @Nullable Schema known(int id) {
        return byId.get(id);
    }

    /// Forgets all others when there is no room for one more.
    private synchronized void keep(int id, Schema schema, int chars) {
        if (cachedChars + chars > SCHEMA_CHARS_MAX || byId.size() >= CACHED_MAX) {
            byId.clear();
            cachedChars = 0;
        }
        if (byId.putIfAbsent(id, schema) == null) {
            cachedChars += chars;
        }
    }

    @Override
    public int register(String subject, Schema schema) {
        return id(subject, schema, "/versions", answer -> {
            if (answer.status() == 409 || answer.status() == 422) {
                throw new IncompatibleSchemaException("the registry refused schema " + schema.getFullName()
                        + " for subject " + subject + " (" + answer.status() + " from " + answer.uri() + "): "
                        + answer.message() + ". New fields need a default; or register under another subject");
            }
        });
    }

    @Override
    public int idOf(String subject, Schema schema) {
        return id(subject, schema, "", answer -> {
            if (notFound(answer)) {
                throw unknown("schema " + schema.getFullName() + " under subject " + subject,
                        answer.uri() + " answered: " + answer.message());
            }
        });
    }

    private int id(String subject, Schema schema, String path, Consumer<Answer> check) {
        SubjectSchema key = new SubjectSchema(subject, schema);
        Integer known = ids.get(key);
        if (known != null) {
            return known;
        }
        Answer answer = ask("POST", "/subjects/" + encoded(subject) + path, body(schema));
        check.accept(answer);
        required(answer, 200);
        int id = intField(answer, "id");
        bounded(ids).put(key, id);
        keep(id, schema, schema.toString().length());
        return id;
    }

    @Override
    public Registered latestVersion(String subject) {
        return version(subject, "latest");
    }

    @Override
    public List<Registered> versions(String subject, int most) {
        Answer answer = ask("GET", "/subjects/" + encoded(subject) + "/versions", null);
        if (notFound(answer)) {
            throw unknown("subject " + subject, answer.uri() + " answered: " + answer.message());
        }
        JsonNode body = required(answer, 200);
        List<Integer> numbers = new ArrayList<>();
        for (JsonNode number : body) {
            if (!body.isArray() || !number.isIntegralNumber() || !number.canConvertToInt()) {
                throw new RegistryUnavailableException(answer.uri() + " answered with something else than versions",
                        null);
            }
            numbers.add(number.intValue());
        }
        if (numbers.isEmpty()) {
            throw unknown("subject " + subject, answer.uri() + " answered with no version");
        }
        numbers.sort(Comparator.reverseOrder());
        List<Registered> versions = new ArrayList<>();
        UnsupportedSchemaException unreadable = null; // the newest of these
        for (int number : numbers.subList(0, Math.min(most, numbers.size()))) {
            try {
                versions.add(version(subject, Integer.toString(number)));
            } catch (UnknownSchemaException deletedMeanwhile) {
                // What the others have is known all the same.
            } catch (UnsupportedSchemaException e) {
                unreadable = unreadable == null ? e : unreadable;
            }
        }
        if (versions.isEmpty()) {
            throw unreadable == null ? unknown("subject " + subject, "its versions were deleted meanwhile")
                    : new UnsupportedSchemaException(
                            "subject " + subject + " has no version that can be read: " + unreadable.getMessage());
        }
        return versions;
    }

    private Registered version(String subject, String version) {
        String what = "version " + version + " of subject " + subject;
        Answer answer = ask("GET", "/subjects/" + encoded(subject) + "/versions/" + version, null);
        if (notFound(answer)) {
            throw unknown(what, answer.uri() + " answered: " + answer.message());
        }
        Schema schema = schema(what, answer);
        int id = intField(answer, "id");
        keep(id, schema, text(answer).length());
        return new Registered(id, schema);
    }

    @Override
    public void close() {
        http.shutdownNow();
        http.close();
    }

    private static boolean notFound(Answer answer) {
        return answer.status() == 404
                && List.of(SUBJECT_NOT_FOUND, VERSION_NOT_FOUND, SCHEMA_NOT_FOUND).contains(answer.errorCode());
    }

    // A client that meets more than this many schemas is not being used as one; forgetting all
    // costs questions only.
    private static <K, V> Map<K, V> bounded(Map<K, V> cache) {
        if (cache.size() >= CACHED_MAX) {
            cache.clear();
        }
        return cache;
    }

    private static String text(Answer answer) {
        return answer.body().path("schema").asText("");
    }

    static Schema schema(String what, Answer answer) {
        if (answer.status() == 200 && answer.cut()) {
            throw new UnsupportedSchemaException(what + ": " + answer.uri() + " answered with more than "
                    + RESPONSE_BYTES_MAX + " bytes, expected a schema of at most " + SCHEMA_CHARS_MAX + " characters");
        }
        JsonNode body = required(answer, 200);
        if (!body.path("schema").isTextual()) {
            // A login page, a proxy's greeting: taken for a bad schema, it would turn every event
            // into a dead letter.
            throw new RegistryUnavailableException(
                    answer.uri() + " answered 200 without a \"schema\", which no registry does: check "
                            + RegistryConfig.URL + " and what stands in between",
                    null);
        }
        String type = body.path("schemaType").asText("AVRO");
        if (!type.equals("AVRO")) {
            throw new UnsupportedSchemaException(what + " is of type " + shortened(type) + ", expected AVRO");
        }
        if (!body.path("references").isEmpty()) {
            throw new UnsupportedSchemaException(
                    what + " refers to other subjects, which is not supported: register one schema that"
                            + " contains all of its types");
        }
        return parsed(what, text(answer));
    }

    private static Schema parsed(String what, String text) {
        if (text.length() > SCHEMA_CHARS_MAX) {
            throw new UnsupportedSchemaException(what + ": expected a schema of at most " + SCHEMA_CHARS_MAX
                    + " characters, found " + text.length());
        }
        try {
            return text.length() <= SHALLOW_CHARS_MAX ? parsed(text) : parsedWithDeepStack(text);
        } catch (RegistryUnavailableException interrupted) {
            throw interrupted;
        } catch (RuntimeException malformed) {
            // Not only Avro's own: a name that nothing defines is a NullPointerException in 1.12.2.
            throw new UnsupportedSchemaException(
                    what + " is no valid Avro schema: " + shortened(String.valueOf(malformed.getMessage())));
        }
    }

    private static Schema parsed(String text) {
        // Names are what other languages' clients made them; only our own schemas must be strict.
        // Defaults are not checked: nothing is read by them here, and Avro goes through a type's
        // fields once more for each default that contains it, 2^n times for n types in a row.
        return new Schema.Parser(NameValidator.UTF_VALIDATOR).setValidateDefaults(false).parse(text);
    }

    private static Schema parsedWithDeepStack(String text) {
        CompletableFuture<Schema> result = new CompletableFuture<>();
        Thread thread = new Thread(null, () -> {
            try {
                result.complete(parsed(text));
            } catch (RuntimeException | StackOverflowError e) {
                result.completeExceptionally(e);
            }
        }, "tidegrad-schema-parser", DEEP_STACK_BYTES);
        thread.setDaemon(true);
        thread.setUncaughtExceptionHandler((of, e) -> result.completeExceptionally(e));
        thread.start();
        try {
            return result.get();
        } catch (ExecutionException e) {
            Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
            if (cause instanceof Error error && !(cause instanceof StackOverflowError)) {
                throw error;
            }
            throw new IllegalArgumentException(String.valueOf(cause.getMessage()), cause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RegistryUnavailableException("interrupted while parsing a schema", e);
        }
    }

    /// What others wrote goes into headers and logs.
    private static String shortened(String message) {
        return message.length() <= MESSAGE_CHARS_MAX ? message : message.substring(0, MESSAGE_CHARS_MAX) + "…";
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
            throw new RegistryRefusedException("%s answered %d, expected %d: check %s and %s".formatted(answer.uri(),
                    answer.status(), status, RegistryConfig.CREDENTIALS_SOURCE, RegistryConfig.USER_INFO));
        }
        String hint = switch (answer.status()) {
            case 404 -> "that is no registry's \"not found\": check " + RegistryConfig.URL + " and the path in it";
            case 301, 302, 303, 307, 308 -> "redirects are not followed: check " + RegistryConfig.URL;
            default -> answer.message();
        };
        throw new RegistryUnavailableException(
                answer.uri() + " answered " + answer.status() + ", expected " + status + ": " + hint, null);
    }

    private static int intField(Answer answer, String name) {
        JsonNode field = answer.body().path(name);
        if (!field.isIntegralNumber() || !field.canConvertToInt() || field.intValue() < 0) {
            throw new RegistryUnavailableException(answer.uri() + " answered without a usable \"" + name + "\"", null);
        }
        return field.intValue();
    }

    // Each URL once, beginning with the one that answered last. A slow one may take its share of
    // the time, never all: the next may answer.
    private Answer ask(String method, String path, @Nullable String body) {
        int first = firstUrl;
        int count = config.urls().size();
        long deadline = System.nanoTime() + RegistryConfig.shorter(config.requestTimeout(), patience.left()).toNanos();
        RegistryUnavailableException failure = null;
        for (int i = 0; i < count; i++) {
            int index = (first + i) % count;
            try {
                long share = (deadline - System.nanoTime()) / (count - i);
                Duration timeout = Duration.ofMillis(Math.max(1, Math.ceilDiv(share, 1_000_000)));
                Answer answer = exchange(URI.create(config.urls().get(index) + path), method, body, timeout);
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
        HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(timeout)
                .header("Accept", CONTENT_TYPE + ", application/json").method(method,
                        body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body));
        if (body != null) {
            request.header("Content-Type", CONTENT_TYPE);
        }
        String authorization = config.authorization();
        if (authorization != null) {
            request.header("Authorization", authorization);
        }
        HttpResponse<byte[]> response = send(uri, request.build(), timeout);
        return response.body().length > RESPONSE_BYTES_MAX
                ? checked(
                        new Answer(response.statusCode(), JSON.missingNode(), beginsWithASchema(response.body()), uri))
                : answer(response.statusCode(), response.body(), uri);
    }

    /// Only a registry's answer may turn events into dead letters, not a page of a proxy.
    private static boolean beginsWithASchema(byte[] body) {
        return SCHEMA_BEGINS.matcher(new String(body, 0, 2_000, StandardCharsets.ISO_8859_1)).lookingAt();
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
        return checked(new Answer(status, json, false, uri));
    }

    private static Answer checked(Answer answer) {
        if (answer.status() >= 500 || answer.status() == 429) {
            throw new RegistryUnavailableException(
                    answer.uri() + " answered " + answer.status() + ": " + shortened(answer.message()), null);
        }
        return answer;
    }

    private HttpResponse<byte[]> send(URI uri, HttpRequest request, Duration timeout) {
        patience.begins();
        try {
            return await(http.sendAsync(request, response -> new CutBody(RESPONSE_BYTES_MAX)), uri, timeout);
        } finally {
            patience.ends();
        }
    }

    private static HttpResponse<byte[]> await(CompletableFuture<HttpResponse<byte[]>> sent, URI uri, Duration timeout) {
        try {
            // The request's own timeout ends with the headers; this one bounds the body as well.
            return sent.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            sent.cancel(true);
            throw new RegistryUnavailableException(uri + " did not answer within " + timeout.toMillis() + " ms", e);
        } catch (ExecutionException e) {
            throw new RegistryUnavailableException(e.getCause() instanceof ConnectException
                    ? "nobody takes the connection at " + uri + ": start the registry, or check " + RegistryConfig.URL
                    : "no answer from " + uri + ": " + e.getCause(), e.getCause());
        } catch (InterruptedException e) {
            sent.cancel(true);
            Thread.currentThread().interrupt();
            throw new RegistryUnavailableException("interrupted while asking " + uri, e);
        }
    }
}
